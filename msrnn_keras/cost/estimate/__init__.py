"""Cost and receptive field, estimated from the graph of a model."""

from msrnn_keras.cost.estimate.flops import forecast_flops
from msrnn_keras.cost.estimate.memory import training_memory
from msrnn_keras.cost.estimate.receptive_field import Field, receptive_fields

__all__ = ["Field", "forecast_flops", "receptive_fields", "training_memory"]
