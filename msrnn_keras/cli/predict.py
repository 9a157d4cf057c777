"""`msrnn predict`: forecast your own frames."""

import json

from msrnn_keras.cli.arguments import add_model, height_and_width, load


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    command = commands.add_parser(
        "predict", help="forecast the frames of a file"
    )
    command.add_argument(
        "input",
        help="frames in time order: .npy, .npz, a video, a .gif, a folder of "
        "images, .nc, or with --importer radar files (a folder, or a pattern)",
    )
    add_model(command)
    command.add_argument(
        "--out", required=True, help="a .npz, .npy, .nc, .png, .gif or .mp4"
    )
    command.add_argument("--horizon", type=int, help="frames to forecast")
    command.add_argument(
        "--last",
        type=int,
        help="number of frames at the end that are the past, even across "
        "gaps; default: all after the last gap",
    )
    command.add_argument(
        "--variable", help="of a .nc file; default: the only one"
    )
    command.add_argument(
        "--size", help="of a video, such as 64x64; default: its own"
    )
    command.add_argument(
        "--gray", action="store_true", help="read a video as one channel"
    )
    command.add_argument(
        "--range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="values of black and white; default: by the unit",
    )
    command.add_argument(
        "--fill", type=float, help="value that replaces missing ones"
    )
    command.add_argument(
        "--interval",
        type=float,
        help="seconds between two frames; another step is a gap",
    )
    _add_radar(command)
    command.add_argument(
        "--fps",
        type=float,
        help="of a .gif or .mp4; default: the video's, or 5",
    )
    command.set_defaults(run=run)


def _add_radar(command):
    """Add the options for radar files."""
    command.add_argument(
        "--period",
        type=float,
        help="seconds over which radar files sum rain; default: as stated",
    )
    command.add_argument(
        "--importer", help="of pysteps, for radar files, such as odim_hdf5"
    )
    command.add_argument(
        "--pattern", help="time in file names, such as radar_%%Y%%m%%d%%H%%M*"
    )
    command.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument of the importer, such as qty=DBZH",
    )


def run(options):
    """Read the frames, forecast, write the forecast."""
    from msrnn_keras.cli.prediction import forecast_recordings
    from msrnn_keras.data.io.write import check_writable, write_forecast
    from msrnn_keras.utils.files import check_not_input

    check_not_input(options.out, options.input)
    check_writable(options.out, fps=options.fps)
    recordings = _read_recordings(options)
    check_writable(options.out, recordings, options.fps)
    past, forecast = forecast_recordings(
        load(options.model, options.revision),
        recordings,
        options.horizon,
        options.last,
    )
    write_forecast(options.out, recordings, past, forecast, options.fps)
    print(f"Wrote {forecast.shape[1]} forecast frames to {options.out}.")


def _read_recordings(options):
    """Read the input with the options that were given."""
    from msrnn_keras.data import MinMax
    from msrnn_keras.data.io.read import read_recordings

    importer_options = {}
    for pair in options.option:
        name, _, value = pair.partition("=")
        if not (name and value) or not options.importer:
            raise ValueError(
                "--option takes NAME=VALUE, such as qty=DBZH, for --importer. "
                f"Received: {pair}"
            )
        try:
            importer_options[name] = json.loads(value)
        except json.JSONDecodeError:
            importer_options[name] = value
    return read_recordings(
        options.input,
        scaling=MinMax(*options.range) if options.range else None,
        fill=options.fill,
        variable=options.variable,
        size=height_and_width(options.size) if options.size else None,
        gray=options.gray,
        importer=options.importer,
        **{
            "pattern": options.pattern,
            "interval": options.interval,
            "period": options.period,
            **importer_options,
        },
    )
