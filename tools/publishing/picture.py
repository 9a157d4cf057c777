"""The picture in a model card: forecasts of a few fixed test clips."""

from pathlib import Path

import numpy as np

PICTURE = "forecast.png"
LARGEST = 150_000  # bytes
RESOLUTIONS = (100, 80, 65, 50, 40)  # dots per inch, the first that fits


def draw_forecasts(path, model, dataset, clips=3, largest=LARGEST):
    """Draws the truth and the forecast of a few clips, one above the other.

    The clips are spread evenly over the data set, its first and its last
    among them. Rain is drawn in its classes; of frames with other than 1 or
    3 channels the first channel is shown.

    Args:
        path: Path of the PNG file to write.
        model: `MSStack`.
        dataset: Batches `(past, future)` of a data set, with `num_clips`,
            `batch_size` and `scaling`.
        clips: Integer, how many are drawn.
        largest: Integer, bytes the file may have; the resolution is lowered
            to that, or to the lowest.

    Returns:
        `pathlib.Path` of the file.

    Example:
        draw_forecasts("forecast.png", model, data.load("mnist", "test"))
    """
    figure = _figure(model, dataset, _spread(dataset.num_clips, clips))
    path = Path(path)
    for dpi in RESOLUTIONS:
        figure.savefig(
            path,
            dpi=dpi,
            metadata={"Software": None},
            pil_kwargs={"optimize": True},
        )
        if path.stat().st_size < largest:
            break
    return path


def _spread(available, wanted):
    chosen = np.linspace(0, available - 1, min(wanted, available))
    return chosen.round().astype(int).tolist()


def _figure(model, dataset, numbers):
    from msrnn_keras.plots.colors import gray_style, rain_style
    from msrnn_keras.plots.grid import Block, Row, draw_grid
    from msrnn_keras.plots.times import future_columns

    past, future = _clips(dataset, numbers)
    forecast = np.clip(model.predict(past, verbose=0), 0, 1)
    rain = dataset.scaling.unit == "mm/h"
    style = rain_style() if rain else gray_style()
    ahead, times = future_columns(future.shape[1], 1, "frame")
    blocks = []
    for number, *frames in zip(numbers, future, forecast, strict=True):
        rows = [
            Row(label, _shown(part[ahead], dataset, rain), style)
            for label, part in zip(
                (f"Clip {number}", "Forecast"), frames, strict=True
            )
        ]
        blocks.append(Block(times, rows))
    return draw_grid(blocks)


def _clips(dataset, numbers):
    """The past and the future of the clips of some numbers."""
    pairs = []
    for number in numbers:
        batch, place = divmod(number, dataset.batch_size)
        past, future = dataset[batch]
        pairs.append((past[place], future[place]))
    return tuple(np.stack(parts) for parts in zip(*pairs, strict=True))


def _shown(frames, dataset, rain):
    if rain:
        frames = np.asarray(dataset.scaling.inverse(frames))
    return frames if frames.shape[-1] in (1, 3) else frames[..., :1]
