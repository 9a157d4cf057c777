"""Medians, ratios and tables of what was measured."""

import statistics
from typing import NamedTuple

# Figure -> what it is called and how it is written.
FIGURES = {
    "first_step_seconds": ("first training step, s", ",.1f"),
    "step_seconds": ("training step, s", ",.3f"),
    "step_peak_mib": ("training, peak memory, MiB", ",.0f"),
    "step_utilisation": ("training, utilisation", ".2f"),
    "first_forecast_seconds": ("first forecast, s", ",.1f"),
    "latency_seconds": ("forecast of one clip, s", ",.3f"),
    "clips_per_second": ("forecast of a batch, clips/s", ",.2f"),
    "forecast_peak_mib": ("forecast, peak memory, MiB", ",.0f"),
    "forecast_utilisation": ("forecast, utilisation", ".2f"),
    "product_gflops": ("matrix product, GFLOP/s", ",.0f"),
}
NOTES = """\
First: from the compiled model to its result, tracing included; the others are
medians of later calls. Memory: the peak above what was held once the model was
built, of the process or, on an accelerator, of the backend's allocator.
Utilisation: operations per second (of the forecast; three times those for
training) over those of a large matrix product in the same process.
Ratios: median (lowest–highest) of the pairs measured one after the other."""


class Measured(NamedTuple):
    """What was measured of one model on one backend."""

    name: str
    backend: str
    results: list  # dicts of `measure`, in the order of the repeats

    def values(self, figure):
        """The figure's value of each repeat; none where it was not taken."""
        return [r[figure] for r in self.results if figure in r]

    @property
    def errors(self):
        """Why measurements failed, one line each."""
        return [
            f"{self.name} on {self.backend} failed in {r['error']}"
            for r in self.results
            if "error" in r
        ]


class Spread(NamedTuple):
    """The middle of several values, and their range."""

    median: float
    low: float
    high: float

    def __format__(self, form):
        median, low, high = (format(x, form) for x in self)
        return median if self.low == self.high else f"{median} ({low}–{high})"


def spread(values):
    """The spread of some values, or None where there are none."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def ratio(measured, reference, figure):
    """The ratio of one figure, repeat by repeat.

    Args:
        measured: `Measured`, above the line.
        reference: `Measured`, below it.
        figure: String, one of `FIGURES`.

    Returns:
        `Spread` of the ratios, or None where one was not measured.
    """
    pairs = zip(measured.values(figure), reference.values(figure), strict=False)
    return spread([a / b for a, b in pairs if b])


def cell(value, form):
    """A value for a table; a dash where there is none."""
    return "–" if value is None else format(value, form)
