"""Shim for tools that need a `setup.py`; see `pyproject.toml`."""

from setuptools import setup

setup()
