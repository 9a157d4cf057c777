"""The command `msrnn`: each subcommand is a thin layer over a function."""

import argparse
import os
import sys
import time

from msrnn_keras import __version__
from msrnn_keras.backend.choice import import_keras
from msrnn_keras.cli import (
    app,
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
from msrnn_keras.cli.interrupts import interrupts

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
    app,
)
ERRORS = ValueError, TypeError, OSError, RuntimeError, ImportError


def run_process():
    """Run the command line as a process of its own; return the status."""
    interrupts.install()
    try:
        return main()
    finally:
        interrupts.ending()


def main(arguments=None):
    """Run the command line and return the exit status.

    It is 0, 2 (refused), 130 (Ctrl-C), 143 (SIGTERM) or 141 (nobody reads the
    output).
    """
    interrupts.begin()
    options = build_parser().parse_args(arguments)
    options.started = time.monotonic()
    try:
        if options.command not in WITHOUT_KERAS:
            import_keras()
        interrupts.starting = False
        options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _interrupted(options)
    except Exception as error:
        if interrupts.number is not None:  # A library turned it into an error.
            return _interrupted(options)
        return _failed(options, error)
    return 0


def _interrupted(options):
    """Tell that a signal ended the command; return the status."""
    return interrupts.tell(f"msrnn {options.command}")


def _failed(options, error):
    """Tell why the command failed, in one line; return the status."""
    if isinstance(error, BrokenPipeError):
        # What reads the output, such as `head`, has ended.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    if not isinstance(error, (*ERRORS, FloatingPointError)):
        raise error
    message = " ".join(str(error).split())
    print(f"msrnn {options.command}: {message}", file=sys.stderr)
    return 2


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def build_parser():
    """Return the parser of all subcommands."""
    parser = Parser(prog="msrnn", description="Forecast how images move.")
    version = {"action": "version", "version": f"%(prog)s {__version__}"}
    parser.add_argument("--version", **version)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
