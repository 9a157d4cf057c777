"""`msrnn predict`: forecast your own frames."""

import functools
import glob
import json
import pathlib
import sys

from msrnn_keras.cli.arguments import (
    LOW_HIGH,
    MODEL,
    READER,
    REQUIRED,
    add_command,
    height_and_width,
    load,
    natural,
    number,
)

INPUT = (
    "frames in time order: .npy, .npz, a video, a .gif, a folder of images, "
    ".nc, .zarr, .tif, .grib2, or with --importer radar files (a folder, or a "
    "pattern)"
)
PAIRS = {"action": "append", "default": [], "metavar": "NAME=VALUE"}
OPTIONS = (
    ("input", str, INPUT),
    *MODEL,
    (
        "--out",
        str,
        "file to write: .npz, .npy, .nc, .zarr, .tif, .png, .gif or .mp4; with "
        "--follow a folder",
        REQUIRED,
    ),
    ("--horizon", int, "number of frames to forecast; default: the model's"),
    (
        "--last",
        int,
        "use the last N frames, across gaps too; default: all after the "
        "last gap",
    ),
    ("--matched", bool, "give forecasts the distribution of the last frame"),
    ("--members", int, "forecasts of each clip, by a model with noise"),
    ("--seed", natural, "seed of the members", 0),
    ("--size", str, "size to scale a video to, such as 64x64"),
    ("--fill", number, "value to put in the place of missing ones"),
    *READER,
    (
        "--bbox",
        number,
        "part of the grid to read, in the unit of the file's coordinates",
        {"nargs": 4, "metavar": ("WEST", "SOUTH", "EAST", "NORTH")},
    ),
    (
        "--resolution",
        float,
        "size of a pixel to average to, in the unit of the coordinates",
    ),
    ("--unit", str, "unit of rain to write: mm/h, dBZ, or accumulated mm"),
    ("--fps", float, "frames per second to write; default: as read, or 5"),
    ("--gray", bool, "read a video as one channel"),
    (
        "--range",
        number,
        "values of black and white; default: by the unit",
        LOW_HIGH,
    ),
    ("--option", str, "argument of the importer, such as qty=DBZH", PAIRS),
    ("--follow", bool, "forecast again when a file arrives in the folder"),
    ("--once", bool, "with --follow: forecast what is there, then end"),
    ("--max-forecasts", int, "with --follow: end after N forecasts"),
    ("--poll", float, "with --follow: seconds between two looks", 2.0),
    (
        "--format",
        str,
        "with --follow: type to write, nc zarr tif npz npy png gif mp4",
        "nc",
    ),
)
# Options of --follow alone, and their defaults.
FOLLOWING = {"once": False, "max_forecasts": None, "poll": 2.0, "format": "nc"}
RADAR = ("pattern", "interval", "period")  # an importer's option comes first


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "forecast frames of a file"
    add_command(commands, "predict", text, run, *OPTIONS)


def run(options):
    """Read the frames, forecast, write the forecast."""
    if options.follow:
        return _follow(options)
    for name, usual in FOLLOWING.items():
        if getattr(options, name) != usual:
            flag = name.replace("_", "-")
            raise ValueError(f"--{flag} needs --follow. Received: --{flag}")
    from msrnn_keras.cli.prediction import (
        forecast_recordings,
        warnings_as_lines,
    )
    from msrnn_keras.data import as_trained
    from msrnn_keras.data.io.write import check_writable, write_forecast
    from msrnn_keras.utils.files import check_not_input

    check_not_input(options.out, options.input)
    chosen = options.fps, options.unit
    check_writable(options.out, None, *chosen, options.members)
    recordings = _read_recordings(options)
    check_writable(options.out, recordings, options.fps)
    model = load(options.model, options.revision)
    step = options.grid_step
    recordings = [as_trained(x, model, step) for x in recordings]
    check_writable(options.out, recordings, *chosen)
    wanted = options.horizon, options.last, options.matched
    wanted += options.members, options.seed
    past, forecast = forecast_recordings(model, recordings, *wanted)
    with warnings_as_lines(functools.partial(print, file=sys.stderr)):
        write_forecast(options.out, recordings, past, forecast, *chosen)
    print(f"Wrote {forecast.shape[-4]} forecast frames to {options.out}.")


def _follow(options):
    from msrnn_keras.cli import following

    following.check_options(options)
    model = load(options.model, options.revision)
    log = functools.partial(print, file=sys.stderr, flush=True)
    arrivals = following.Arrivals(
        options.input,
        functools.partial(_read_recordings, options),
        model.context if options.last is None else options.last,
        options.interval,
        options.pattern,
        () if options.importer else following.SUFFIXES,
        options.fill,
        log,
    )
    limit = options.max_forecasts
    following.follow(model, arrivals, options.out, options, log, limit)


def _read_recordings(options, path=None):
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
    radar = {name: getattr(options, name) for name in RADAR}
    if path is not None and options.importer:
        path = pathlib.Path(glob.escape(str(path)))
    elif path is not None:  # the pattern is that of the names alone
        radar["pattern"] = None
    return read_recordings(
        options.input if path is None else path,
        scaling=MinMax(*options.range) if options.range else None,
        fill=options.fill,
        bbox=options.bbox,
        resolution=options.resolution,
        variable=options.variable,
        size=height_and_width(options.size) if options.size else None,
        gray=options.gray,
        importer=options.importer,
        **radar | importer_options,
    )
