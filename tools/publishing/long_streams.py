"""Measured figures of long streams and long forecasts, for the model cards.

`zoo/long_streams.json` holds them by preset revision, such as
`"predrnn/mnist/small/1"`. `python -m benchmarks.long_streams --json` writes it.
"""

import json

from msrnn_keras.presets.registry import folder_of

FILE = "long_streams.json"  # beside the manifest
SECTION = """
## Long forecasts

Measured on {clips} Moving MNIST clips of 1,001 frames. Digits: {digits}.
Backend: {backend}. Stream window: {window}. MSE is that of one-frame
forecasts, not clipped: a sum over the pixels of a frame, averaged over frames
and clips.

| what | result |
|---|---|
| MSE, frames 50 to 150 of the stream | {mse_50_150:.1f} |
| MSE, frames 900 to 1,000 of the stream | {mse_900_1000:.1f} |
| 1,000 streamed frames, float32 | {finite_stream_1000} |
| forecast of 500 frames, float32 | {finite_horizon_500} |
| forecast of 100 frames, mixed_float16 | {finite_float16_100} |

Reproduce:

    {command}
"""


def read_figures(path):
    """Read the figures of all preset revisions.

    Args:
        path: `pathlib.Path` of the JSON file.

    Returns:
        Dict from MODEL/DATASET/VARIANT/REVISION to a dict of figures; empty
        if there is no such file.
    """
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def long_forecasts(library, metadata):
    """Return the section of a card with the figures of long streams.

    Args:
        library: `msrnn_keras.presets.library.Library`.
        metadata: Dict with the `model`, `dataset`, `variant` and `revision`
            of the preset.

    Returns:
        String, Markdown; empty if that revision was not measured.
    """
    every = read_figures(library.manifest.with_name(FILE))
    figures = every.get(folder_of(metadata))
    if figures is None:
        return ""
    finite = {
        name: "finite" if value else "not finite"
        for name, value in figures.items()
        if name.startswith("finite_")
    }
    window = figures["window"]
    window = "all frames" if window is None else f"{window} frames"
    return SECTION.format(**{**figures, **finite, "window": window})
