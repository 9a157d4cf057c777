"""Medians and ratios of measured figures."""

import statistics
from typing import NamedTuple

# Figure -> its label and its format.
FIGURES = {
    "first_step_seconds": ("first training step, s", ",.1f"),
    "step_seconds": ("training step, s", ",.3f"),
    "step_peak_mib": ("training, peak memory, MiB", ",.0f"),
    "step_utilization": ("training, utilization", ".2f"),
    "first_forecast_seconds": ("first forecast, s", ",.1f"),
    "latency_seconds": ("forecast of one clip, s", ",.3f"),
    "clips_per_second": ("forecast of a batch, clips/s", ",.2f"),
    "forecast_peak_mib": ("forecast, peak memory, MiB", ",.0f"),
    "forecast_utilization": ("forecast, utilization", ".2f"),
    "product_gflops": ("matrix product, GFLOP/s", ",.0f"),
}
NOTES = """\
First: the first call of the compiled model, with tracing; the others are
medians of later calls. Memory: the peak above the memory in use once the model
was built, of the process or, on an accelerator, of the backend's allocator.
Utilization: operations per second (those of the forecast; three times as many
for training) over those of a large matrix product in the same process.
Ratios: median (lowest–highest) of the pairs measured one after the other."""


class Measured(NamedTuple):
    """The measurements of one model on one backend."""

    name: str
    backend: str
    results: list  # dicts of `measure`, in the order of the repeats

    def values(self, figure):
        return [r[figure] for r in self.results if figure in r]

    @property
    def errors(self):
        return [
            f"{self.name} on {self.backend} failed in {r['error']}"
            for r in self.results
            if "error" in r
        ]


class Spread(NamedTuple):
    """The median of several values, and their range."""

    median: float
    low: float
    high: float

    def __format__(self, spec):
        median, low, high = (format(x, spec) for x in self)
        return median if self.low == self.high else f"{median} ({low}–{high})"


def spread(values):
    """Return the `Spread` of values, None if there are none."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def ratio(measured, reference, figure):
    """Return the `Spread` of the ratios of a figure, repeat by repeat."""
    pairs = zip(measured.values(figure), reference.values(figure), strict=False)
    return spread([a / b for a, b in pairs if b])
