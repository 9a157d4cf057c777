"""What enters a time step besides the frame: covariates and noise."""

from typing import NamedTuple

import numpy as np
from keras import ops

from msrnn_keras.utils import checks
from msrnn_keras.utils.arguments import check_count, check_positive


class StepInputs(NamedTuple):
    """The covariates and the noise of all samples of a forecast.

    A sample is a member of a clip: sample i is member i % members of clip
    i // members.
    """

    members: int | None = None  # of each clip; None: one, without their axis
    seed: int | None = None  # of the noise; None if the model has none
    covariates: np.ndarray | None = None  # (batch, steps, height, width, k)

    @property
    def count(self):
        """The number of samples of each clip."""
        return self.members or 1

    def grouped(self, samples):
        """Return samples with the axis of members after that of clips."""
        if self.members is None:
            return samples
        return samples.reshape(-1, self.members, *samples.shape[1:])

    def at(self, step, samples, size, before=0):
        """Return the arrays of a step for some samples, covariates first.

        `before` is the number of steps before the first covariates.
        """
        clips, members = np.divmod(samples, self.count)
        arrays = []
        if self.covariates is not None:
            arrays.append(self.covariates[clips, step])
        if self.seed is not None:
            pairs = zip(clips.tolist(), members.tolist(), strict=True)
            keys = [(self.seed, *pair, before + step) for pair in pairs]
            maps = [_noise(key, size) for key in keys]
            arrays.append(np.stack(maps))
        return arrays


def _noise(key, size):
    """Return white noise that depends on the integers of the key alone."""
    random = np.random.default_rng(key)
    return random.standard_normal((*size, 1), dtype="float32")


def check_members(members, seed, has_noise):
    """Return members and seed as integers; refuse what a model cannot do."""
    if members is not None:
        members = check_positive("members", members)
    if members not in (None, 1) and not has_noise:
        raise ValueError(
            "The model has no noise, so all members would be equal: build it "
            f"with noise=True and train it. Received: members={members}"
        )
    return members, check_count("seed", seed, 0)


def check_takes_members(loss, metrics):
    """Refuse a loss or metrics that would misread an axis of members."""
    for judge in (loss, *metrics):
        if judge and not getattr(judge, "takes_members", False):
            raise ValueError(
                "A model with noise needs a loss and metrics that take "
                "members, such as losses.AlmostFairCRPS() and those of "
                "msrnn_keras.metrics. One of your own that takes (batch, "
                "members, time, height, width, channels) has an attribute "
                f"takes_members = True. Received: {judge!r}"
            )


def check_covariates(values, frames, count, steps):
    """Return covariates `(batch, steps, height, width, count)`, checked.

    They may be `(height, width, count)` if static; `frames` has batch, height
    and width.
    """
    batch, _, height, width, _ = frames.shape
    wanted = (batch, steps, height, width, count)
    values = checks.stacked(values)
    shape = tuple(getattr(values, "shape", ()))
    if shape not in (wanted, wanted[2:]):
        raise ValueError(
            "`covariates` must be (batch, context + horizon - 1, height, "
            f"width, covariates), here {wanted}, or static, {wanted[2:]}. "
            f"Received: covariates of shape {shape}"
        )
    checks.check_floats(values, "covariates")
    values = ops.convert_to_numpy(values)
    largest = np.abs(values).max(initial=0)
    if not largest <= checks.LIMIT:
        raise ValueError(
            f"`covariates` must be known and within ±{checks.LIMIT:g}: fill "
            "missing values and scale them to about [-1, 1]. Received: "
            f"a largest magnitude of {largest}"
        )
    return np.broadcast_to(values, wanted)


def split_inputs(x, count):
    """Return frames and covariates (None without) of the inputs of a model."""
    if not count:
        return x, None
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            "A model with covariates needs both inputs: (frames, covariates). "
            f"Received: {type(x).__name__} alone"
        )
    return x
