"""Publish finished training runs as presets of the zoo."""
