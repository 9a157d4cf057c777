"""`msrnn publish`: makes a preset of a finished run."""


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "publish", help="score a run and write it as a preset"
    )
    command.add_argument("folder", metavar="RUN", help="folder of the run")
    command.add_argument(
        "--hardware", required=True, help="what it was trained on"
    )
    command.add_argument("--data", help="file or folder of the data set")
    command.add_argument("--batch", type=int, default=16, help="clips, 16")
    command.add_argument(
        "--unfinished",
        action="store_true",
        help="publish a run that has not come to the end of its recipe",
    )
    command.add_argument(
        "--hub",
        metavar="USER/REPO",
        help="also upload the preset to the Hugging Face Hub",
    )
    command.add_argument(
        "--verbose", type=int, default=1, help="0, 1 (a bar), 2 (lines)"
    )
    command.set_defaults(run=run)


def run(options):
    """Publish, say where the preset is, and upload it where asked."""
    from tools.publishing.publish import publish

    if options.hub:
        _check_hub(options.hub)  # before hours of scoring
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
        from msrnn_keras.presets.hub import push

        print(f"Uploaded: {push(folder, options.hub)}")


def _check_hub(repo):
    from msrnn_keras.presets import hub
    from msrnn_keras.utils.extras import require

    hub.parse(f"{hub.PREFIX}{repo}")
    require("huggingface_hub", "hub")
