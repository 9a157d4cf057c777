"""Time, memory and utilisation, measured on the machine at hand."""

from msrnn_keras.cost.measure.compare import Profile, profile, table

__all__ = ["Profile", "profile", "table"]
