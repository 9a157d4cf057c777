"""Models that forecast frames."""
