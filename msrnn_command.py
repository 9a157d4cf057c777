"""Entry point of the console script `msrnn`.

While this module is loaded, `import msrnn_keras` does not import Keras, so
that `msrnn --help` and `msrnn list` answer at once.
"""

import os
import signal

EARLY = {signal.SIGINT: b"stopped", signal.SIGTERM: b"terminated"}


def main():
    """Run the command line and return its exit status."""
    for number in EARLY:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)  # until the command handles them
    from msrnn_keras.cli.main import run_process

    return run_process()


def leave(number, frame):
    """End the process, of which nothing has begun."""
    os.write(2, b"msrnn: " + EARLY[number] + b"\n")
    os._exit(128 + number)
