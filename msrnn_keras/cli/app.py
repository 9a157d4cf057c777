"""`msrnn app`: a page in the browser that forecasts."""

from msrnn_keras.cli.arguments import MANY, add_command, natural

MOST_PORTS = 65535
OPTIONS = (
    ("--host", str, "address to listen at", "127.0.0.1"),
    ("--port", natural, "port to listen at; 0 is a free one", 7860),
    (
        "--presets",
        str,
        "presets to offer, as patterns such as '*/mnist', or folders",
        {**MANY, "default": ["*"]},
    ),
    ("--max-megabytes", int, "largest size of an uploaded file, in MB", 50),
    ("--max-frames", int, "most frames to forecast", 50),
    ("--max-seconds", float, "longest time of a forecast, in seconds", 120.0),
    ("--no-browser", bool, "do not open a browser"),
)


def add(commands):
    """Add the subcommand to the subparsers of `msrnn`."""
    text = "forecast in the browser: samples, files, drawn digits"
    add_command(commands, "app", text, run, *OPTIONS)


def run(options):
    """Serve the page until a signal comes."""
    from msrnn_keras.app.limits import Limits
    from msrnn_keras.app.server import preset_names, serving, wait

    if options.port > MOST_PORTS:
        raise ValueError(
            f"--port takes at most {MOST_PORTS}. Received: {options.port}"
        )
    names = preset_names(options.presets)
    limits = Limits(
        options.max_megabytes, options.max_frames, options.max_seconds
    )
    given = options.host, options.port, not options.no_browser
    with serving(names, limits, *given) as address:
        print(f"Serving {len(names)} preset(s) at {address}", flush=True)
        print("Ctrl-C ends the server.", flush=True)
        wait()
