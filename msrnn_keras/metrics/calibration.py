"""Whether ensembles are calibrated: rank histogram and reliability."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from keras import ops

from msrnn_keras.losses import check_members
from msrnn_keras.utils.checks import (
    check_finite,
    check_floats,
    check_positive,
    filled,
)


def rank_histogram(
    y: npt.ArrayLike,
    members: npt.ArrayLike,
    seed: int | np.random.Generator = 0,
) -> np.ndarray:
    """Count how many members lie below the truth.

    The ranks of a calibrated ensemble are equally frequent; a U shape means too
    little spread. A truth equal to some members gets one of their ranks at
    random. Missing truth (NaN or masked) is dropped.

    Args:
        y: True frames, `(batch, time, height, width, channels)`.
        members: Their ensembles, `(batch, members, time, height, width,
            channels)`.
        seed: Integer or `numpy.random.Generator` that breaks ties. Take a
            generator, or another seed for each batch, to add up batches.

    Returns:
        Integer array `(members + 1,)`; those of several batches can be added.

    Raises:
        ValueError: If the shapes do not match, or a member is not finite where
            the truth is known.
        TypeError: If the frames are not floating-point.

    Example:
        >>> counts = rank_histogram(truth, members)
        >>> counts = counts + rank_histogram(more_truth, more_members, seed=1)

    Reference: Hamill, Monthly Weather Review, 2001.
    """
    y, members = _valid_pixels(y, members)
    below = (members < y).sum(axis=0)
    equal = (members == y).sum(axis=0)
    ranks = np.random.default_rng(seed).integers(below, below + equal + 1)
    return np.bincount(ranks, minlength=len(members) + 1)


@dataclass(frozen=True)
class Reliability:
    """What a reliability diagram shows; results of batches can be added.

    Attributes:
        threshold: The threshold of the event.
        count: Integer array (bins,), pixels with a forecast in the bin.
        events: Integer array (bins,), those of them with the event.
        probabilities: Array (bins,), the sums of the forecast probabilities.
    """

    threshold: float
    count: np.ndarray
    events: np.ndarray
    probabilities: np.ndarray

    @property
    def forecast(self) -> np.ndarray:
        """The mean forecast probability of each bin; NaN if it is empty."""
        return self._mean(self.probabilities)

    @property
    def observed(self) -> np.ndarray:
        """The observed frequency of the event; NaN if a bin is empty."""
        return self._mean(self.events)

    @property
    def base_rate(self) -> float:
        """The frequency of the event in all bins; NaN if all are empty."""
        total = self.count.sum()
        return float(self.events.sum() / total) if total else np.nan

    def __add__(self, other: "Reliability") -> "Reliability":
        if not isinstance(other, Reliability):
            return NotImplemented
        mine, its = ((x.threshold, len(x.count)) for x in (self, other))
        if mine != its:
            raise ValueError(
                "Reliabilities of one threshold and one number of bins can be "
                f"added. Received: (threshold, bins) {mine} and {its}"
            )
        return Reliability(
            self.threshold,
            self.count + other.count,
            self.events + other.events,
            self.probabilities + other.probabilities,
        )

    def _mean(self, sums):
        empty = self.count == 0
        return np.where(empty, np.nan, sums / np.where(empty, 1, self.count))


def reliability(
    y: npt.ArrayLike, members: npt.ArrayLike, threshold: float, bins: int = 10
) -> Reliability:
    """Compare forecast probabilities with observed frequencies of an event.

    The event is a value at or above the threshold, its probability the share of
    the members with it. Missing truth (NaN or masked) is dropped.

    Args:
        y: As in `rank_histogram`.
        members: As in `rank_histogram`.
        threshold: Number in the units of `y` and `members`.
        bins: Integer, number of equal intervals of the probability. The lower
            end belongs to an interval; 1 belongs to the last.

    Returns:
        A `Reliability`, with arrays `forecast`, `observed` and `count`, one
        number for each bin.

    Raises:
        ValueError, TypeError: As in `rank_histogram`, or if the threshold or
            the number of bins is unsuitable.

    Example:
        >>> result = reliability(truth, members, threshold=0.5)
        >>> figure = plots.plot_reliability(result)

    Reference: Bröcker and Smith, Weather and Forecasting, 2007,
    doi:10.1175/WAF993.1.
    """
    check_finite("threshold", threshold)
    check_positive("bins", bins)
    y, members = _valid_pixels(y, members)
    number = len(members)
    votes = (members >= threshold).sum(axis=0)
    index = np.minimum(votes * bins // number, bins - 1)
    return Reliability(
        float(threshold),
        np.bincount(index, minlength=bins),
        np.bincount(index[y >= threshold], minlength=bins),
        np.bincount(index, votes, minlength=bins) / number,
    )


def _valid_pixels(y, members):
    """Return known truth, (pixels,), and its ensembles, (members, pixels)."""
    y, members = filled(y), filled(members)
    for frames, name in ((y, "y"), (members, "members")):
        check_floats(frames, name)
    y, members = map(ops.convert_to_numpy, (y, members))
    check_members(y.shape, members.shape, 1, ("y", "members"))
    valid = ~np.isnan(y)
    members = np.moveaxis(members, 1, 0)[:, valid]
    if not np.isfinite(members).all():
        raise ValueError(
            "`members` must be finite where `y` is not missing. Received: "
            f"{(~np.isfinite(members)).sum()} values that are not"
        )
    return y[valid], members
