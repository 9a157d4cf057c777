"""`msrnn list` and `msrnn info`: the presets of the zoo."""

import json

from msrnn_keras.cli.arguments import add_revision


def add(commands):
    """Add the subcommands to the subparsers of `msrnn`."""
    command = commands.add_parser("list", help="list the presets")
    command.add_argument(
        "pattern", nargs="?", default="*", help="such as '*predrnn*'"
    )
    command.set_defaults(run=run_list, needs_keras=False)
    command = commands.add_parser("info", help="describe a preset, as JSON")
    command.add_argument("preset", help="such as ms-convlstm/mnist")
    add_revision(command)
    command.set_defaults(run=run_info, needs_keras=False)


def run_list(options):
    """Print one line for each preset, with weights and without."""
    from msrnn_keras.presets import registry

    for line in registry.describe_all(options.pattern):
        print(line)


def run_info(options):
    """Print what is known of a preset."""
    import zoo

    info = zoo.info(options.preset, revision=options.revision)
    print(json.dumps(info, indent=2, sort_keys=True))
