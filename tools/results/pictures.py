"""Pictures of test clips that a seed draws, and of the worst of them."""

import numpy as np

import zoo
from msrnn_keras import data
from msrnn_keras.plots.colors import gray_style
from msrnn_keras.plots.grid import Block, Row, draw_grid
from msrnn_keras.plots.times import future_columns
from tools.results.presets import DATASET

SEED = 0
DRAWN = 200  # clips; the worst decile is that of these
SHOWN = 3  # clips of a picture


def draw(found, path):
    """Return a picture of clips, and one of the worst decile, by name.

    Both have the best preset and the next of another wiring beside the truth.
    """
    best = found[0]
    other = next(x for x in found if x.is_multi_scale != best.is_multi_scale)
    past, truth, numbers = _clips(path)
    forecasts = {
        x.label: np.clip(zoo.load(x.name).predict(past, verbose=0), 0, 1)
        for x in (best, other)
    }
    errors = np.square(forecasts[best.label] - truth).sum((1, 2, 3, 4))
    worst = np.argsort(-errors)[: len(errors) // 10]
    random = np.random.default_rng(SEED)
    chosen = {
        "clips": np.arange(SHOWN),  # the seed has drawn them already
        "worst": random.choice(worst, SHOWN, replace=False),
    }
    return {
        name: _grid(places, numbers, {"Truth": truth, **forecasts})
        for name, places in chosen.items()
    }


def _clips(path):
    """Return past, future and number of test clips that the seed draws."""
    test = data.load(DATASET, "test", path=path, batch_size=1)
    random = np.random.default_rng(SEED)
    numbers = random.choice(test.num_clips, DRAWN, replace=False)
    past, future = zip(*(test[int(n)] for n in numbers), strict=True)
    return np.concatenate(past), np.concatenate(future), numbers


def _grid(places, numbers, rows):
    """Return a figure with a block of rows for each clip."""
    ahead, times = future_columns(
        next(iter(rows.values())).shape[1], 1, "frame"
    )
    return draw_grid(
        [
            Block(
                times,
                [
                    Row(
                        f"{label}, clip {numbers[place]}"
                        if label == "Truth"
                        else label,
                        frames[place][ahead],
                        gray_style(),
                    )
                    for label, frames in rows.items()
                ],
            )
            for place in places
        ]
    )
