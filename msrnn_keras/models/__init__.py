"""Models that forecast frames, and what drives them through time."""
