"""Fixtures that tests of several folders use, and the tests that are slow."""

import pathlib

import pytest

pytest_plugins = ["tests.presets_fixtures"]

FOLDER = pathlib.Path(__file__).parent
# Folders and files that start processes, train, or build pages.
SLOW = set(
    "app benchmarks cli cost examples report tools training tuning "
    "test_distribution.py test_docs.py test_packaging.py".split()
)


def pytest_itemcollected(item):
    if item.path.relative_to(FOLDER).parts[0] in SLOW:
        item.add_marker(pytest.mark.slow)
