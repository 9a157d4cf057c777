"""Draw the picture of a model card: forecasts of a few fixed test clips."""

from pathlib import Path

import numpy as np

PICTURE = "forecast.png"
RESOLUTIONS = (100, 80, 65, 50, 40)  # dpi


def draw_forecasts(path, model, dataset, clips=3, largest=150_000):
    """Draw truth and forecast of evenly spaced clips in `largest` bytes."""
    available = dataset.num_clips
    chosen = np.linspace(0, available - 1, min(clips, available))
    figure = _draw(model, dataset, chosen.round().astype(int).tolist())
    path = Path(path)
    for dpi in RESOLUTIONS:
        figure.savefig(
            path,
            dpi=dpi,
            metadata={"Software": None},  # its version would change the file
            pil_kwargs={"optimize": True},
        )
        if path.stat().st_size < largest:
            break
    return path


def _draw(model, dataset, numbers):
    """Return a Matplotlib figure with two rows per clip."""
    from msrnn_keras.plots.colors import gray_style, rain_style
    from msrnn_keras.plots.grid import Block, Row, draw_grid
    from msrnn_keras.plots.times import future_columns

    past, future = _clips(dataset, numbers)
    forecast = np.clip(model.predict(past, verbose=0), 0, 1)
    rain = dataset.scaling.unit == "mm/h"
    style = rain_style() if rain else gray_style()
    ahead, times = future_columns(future.shape[1], 1, "frame")

    def row(label, frames):
        return Row(label, _shown(frames[ahead], dataset, rain), style)

    return draw_grid(
        [
            Block(times, [row(f"Clip {n}", truth), row("Forecast", predicted)])
            for n, truth, predicted in zip(
                numbers, future, forecast, strict=True
            )
        ]
    )


def _clips(dataset, numbers):
    """Return past and future of the clips with these numbers."""
    pairs = []
    for number in numbers:
        batch, place = divmod(number, dataset.batch_size)
        past, future = dataset[batch]
        pairs.append((past[place], future[place]))
    return tuple(np.stack(parts) for parts in zip(*pairs, strict=True))


def _shown(frames, dataset, rain):
    """Convert frames to what is drawn: mm/h for rain, else 1 or 3 channels."""
    if rain:
        frames = np.asarray(dataset.scaling.inverse(frames))
    return frames if frames.shape[-1] in (1, 3) else frames[..., :1]
