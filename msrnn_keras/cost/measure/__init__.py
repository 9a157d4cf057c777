"""Time, memory and utilization, measured on this machine."""

from msrnn_keras.cost.measure.compare import profile, table

__all__ = ["profile", "table"]
