"""SimVP: convolutional models from past frames to future frames."""

from msrnn_keras.models.simvp.model import SimVP

__all__ = ["SimVP"]
