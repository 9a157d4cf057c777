"""Conversion of pixels in [0, 1] to the units of the data."""

import keras


class Scaled:
    """Mixin of a metric with a `scaling` from pixels to units."""

    scaling = None

    def set_scaling(self, scaling):
        """Check and keep the scaling."""
        inverse = getattr(scaling, "inverse", None)
        if scaling is not None and not callable(inverse):
            raise TypeError(
                "`scaling` must be None or have a method `inverse` from "
                f"pixels in [0, 1] to units. Received: scaling={scaling!r}"
            )
        self.scaling = scaling

    def with_scaling(self, scaling):
        """Return a new metric with the same arguments and this scaling."""
        return self.from_config({**self.get_config(), "scaling": scaling})

    def in_units(self, frames):
        """Convert pixels to the units of the data."""
        scaling = self.scaling
        return frames if scaling is None else scaling.inverse(frames)

    def get_config(self):
        scaling = self.scaling
        if scaling is not None:
            scaling = keras.saving.serialize_keras_object(scaling)
        return {**super().get_config(), "scaling": scaling}

    @classmethod
    def from_config(cls, config):
        scaling = config.get("scaling")
        if isinstance(scaling, dict):
            scaling = keras.saving.deserialize_keras_object(scaling)
        return cls(**{**config, "scaling": scaling})
