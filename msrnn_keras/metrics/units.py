"""From pixels in [0, 1] to the units of the data, inside a metric."""

import keras


def in_units(frames, scaling):
    """Give frames in the units of the data.

    Args:
        frames: Tensor of pixels.
        scaling: An object with `inverse(frames)`, or None for no change.

    Returns:
        A tensor of the same shape.

    Raises:
        TypeError: If `scaling` has no method `inverse`.
    """
    check_scaling(scaling)
    return frames if scaling is None else scaling.inverse(frames)


def check_scaling(scaling):
    """Refuse what cannot turn pixels into units.

    Args:
        scaling: What was given.

    Raises:
        TypeError: If it is neither None nor an object with `inverse`.
    """
    if scaling is not None and not callable(getattr(scaling, "inverse", None)):
        raise TypeError(
            "`scaling` must be None or have a method `inverse` from pixels in "
            f"[0, 1] to units. Received: scaling={scaling!r}"
        )


class Scaled:
    """A metric with a `scaling`: how it is checked, saved and loaded."""

    scaling = None

    def set_scaling(self, scaling):
        """Check the scaling and keep it."""
        check_scaling(scaling)
        self.scaling = scaling

    def get_config(self):
        """Give the arguments that make the metric again."""
        scaling = self.scaling
        if scaling is not None:
            scaling = keras.saving.serialize_keras_object(scaling)
        return {**super().get_config(), "scaling": scaling}

    @classmethod
    def from_config(cls, config):
        """Make the metric of what `get_config` gave."""
        scaling = config.get("scaling")
        if isinstance(scaling, dict):
            scaling = keras.saving.deserialize_keras_object(scaling)
        return cls(**{**config, "scaling": scaling})
