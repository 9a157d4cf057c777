"""Fixtures that tests of several folders use."""

pytest_plugins = ["tests.presets_fixtures"]
