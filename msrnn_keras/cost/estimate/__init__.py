"""What a model costs and how much it sees, from its graph alone."""

from msrnn_keras.cost.estimate.flops import forecast_flops
from msrnn_keras.cost.estimate.memory import Memory, training_memory
from msrnn_keras.cost.estimate.receptive_field import Field, receptive_fields

__all__ = [
    "Field",
    "Memory",
    "forecast_flops",
    "receptive_fields",
    "training_memory",
]
