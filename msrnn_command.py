"""Entry point of the console script `msrnn`.

While this module is loaded, `import msrnn_keras` does not import Keras, so
that `msrnn --help` and `msrnn list` answer at once.
"""

import sys


def main():
    """Run the command line and return its exit status."""
    try:
        from msrnn_keras.cli.main import run_process
    except KeyboardInterrupt:
        print("msrnn: stopped", file=sys.stderr)
        return 130
    return run_process()
