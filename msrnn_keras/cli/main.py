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

ERRORS = (
    ValueError,
    TypeError,
    OSError,
    FloatingPointError,
    RuntimeError,
    ImportError,
)


def main(arguments=None):
    """Run the command line; return 0, 2 (refused) or 130 (interrupted)."""
    options = build_parser().parse_args(arguments)
    options.started = time.monotonic()
    try:
        if options.needs_keras:
            import_keras()
        options.run(options)
    except ERRORS as error:
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
    parser.set_defaults(needs_keras=True)
    commands = parser.add_subparsers(dest="command", required=True)
    demo.add(commands)
    presets.add(commands)
    for command in (predict, train, evaluate, tune, cost, convert):
        command.add(commands)
    return parser
