"""The command `msrnn`: each subcommand is a thin layer over a function."""

import argparse
import sys
import time

from msrnn_keras.backend.choice import import_keras
from msrnn_keras.cli import (
    convert,
    cost,
    demo,
    evaluate,
    predict,
    presets,
    train,
    tune,
)

WITHOUT_KERAS = ("list", "info")
COMMANDS = demo, presets, predict, train, evaluate, tune, cost, convert
ERRORS = ValueError, TypeError, OSError, RuntimeError, ImportError


def main(arguments=None):
    """Run the command line; return 0, 2 (refused) or 130 (interrupted)."""
    options = build_parser().parse_args(arguments)
    options.started = time.monotonic()
    try:
        if options.command not in WITHOUT_KERAS:
            import_keras()
        options.run(options)
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
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
