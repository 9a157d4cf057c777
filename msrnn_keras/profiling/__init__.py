"""Time, memory and utilisation, measured on the machine at hand."""

from msrnn_keras.profiling.compare import Profile, profile, table

__all__ = ["Profile", "profile", "table"]
