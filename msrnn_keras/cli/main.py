"""The command `msrnn`: each subcommand is a thin layer over a function."""

import argparse
import os
import sys
import time

from msrnn_keras import __version__
from msrnn_keras.backend.choice import import_keras
from msrnn_keras.cli import (
    convert,
    cost,
    demo,
    evaluate,
    export,
    finetune,
    predict,
    presets,
    train,
    tune,
)

WITHOUT_KERAS = ("list", "info")
COMMANDS = (
    demo,
    presets,
    predict,
    train,
    finetune,
    evaluate,
    tune,
    cost,
    convert,
    export,
)
ERRORS = ValueError, TypeError, OSError, RuntimeError, ImportError


def main(arguments=None):
    """Run the command line and return the exit status.

    It is 0, 2 (refused), 130 (interrupted) or 141 (nobody reads the output).
    """
    options = build_parser().parse_args(arguments)
    options.started = time.monotonic()
    try:
        if options.command not in WITHOUT_KERAS:
            import_keras()
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # What reads the output, such as `head`, has ended.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (*ERRORS, FloatingPointError) as error:
        message = " ".join(str(error).split())
        print(f"msrnn {options.command}: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"msrnn {options.command}: stopped", file=sys.stderr)
        return 130
    return 0


def build_parser():
    """Return the parser of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="msrnn", description="Forecast how images move."
    )
    version = {"action": "version", "version": f"%(prog)s {__version__}"}
    parser.add_argument("--version", **version)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
