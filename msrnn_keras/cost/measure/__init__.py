"""Time, memory and utilization, measured on this machine."""

from msrnn_keras.cost.measure.compare import Profile, profile, table

__all__ = ["Profile", "profile", "table"]
