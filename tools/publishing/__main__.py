"""Publish a training run: `python -m tools.publishing RUN --hardware TEXT`."""

import argparse
import sys

from msrnn_keras.presets import hub
from msrnn_keras.utils.extras import require
from tools.publishing.publish import publish

REFUSALS = (ImportError, OSError, RuntimeError, TypeError, ValueError)


def main(arguments=None):
    """Run the command."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except REFUSALS as error:
        message = " ".join(str(error).split())
        print(f"tools.publishing: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tools.publishing: stopped", file=sys.stderr)
        return 130
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tools.publishing",
        description="Score a training run and publish it as a preset.",
    )
    add = parser.add_argument
    add("folder", metavar="RUN", help="folder of the run")
    add("--hardware", required=True, help="hardware of the training")
    add("--data", help="file or folder of the data set")
    add("--batch", type=int, default=16, help="clips scored at a time (16)")
    add(
        "--unfinished",
        action="store_true",
        help="publish a run that has not reached the last epoch of its recipe",
    )
    add(
        "--hub", metavar="USER/REPO", help="also upload to the Hugging Face Hub"
    )
    add("--verbose", type=int, default=1, help="0, 1 (bar) or 2 (lines)")
    return parser


def _run(options):
    """Publish the run and upload the preset to the Hub if requested."""
    if options.hub:  # Refuse before hours of scoring.
        hub.parse(f"{hub.PREFIX}{options.hub}")
        require("huggingface_hub", "hub")
    folder = publish(
        options.folder,
        options.hardware,
        data=options.data,
        batch_size=options.batch,
        unfinished=options.unfinished,
        verbose=options.verbose,
    )
    print(f"Published: {folder}")
    if options.hub:
        print(f"Uploaded: {hub.push(folder, options.hub)}")


if __name__ == "__main__":
    sys.exit(main())
