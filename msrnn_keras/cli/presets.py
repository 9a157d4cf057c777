"""`msrnn list` and `msrnn info`: the presets of the zoo."""

import json

from msrnn_keras.cli.arguments import REVISION, add_command

MATCHED = "names to list, such as '*predrnn*'"
PATTERN = ("pattern", str, MATCHED, {"nargs": "?", "default": "*"})
PRESET = ("preset", str, "name of a preset, such as ms-convlstm/mnist")


def add(commands):
    """Add the subcommands to the subparsers of `msrnn`."""
    add_command(commands, "list", "list the presets", run_list, PATTERN)
    text = "describe a preset, as JSON"
    add_command(commands, "info", text, run_info, PRESET, REVISION)


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
