"""Earthformer: a transformer from past frames to future frames."""

from msrnn_keras.models.earthformer.model import Earthformer

__all__ = ["Earthformer"]
