"""Entry point of the console script `msrnn`.

While this module is loaded, `import msrnn_keras` does not import Keras, so
that `msrnn --help` and `msrnn list` answer at once.
"""


def main():
    """Run the command line and return its exit status."""
    from msrnn_keras.cli.main import main

    return main()
