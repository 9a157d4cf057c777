"""Trained models for `msrnn_keras`.

Example:
    >>> import zoo
    >>> zoo.names()
    >>> model = zoo.load("ms-convlstm", "mnist")
"""

from zoo.library import Library

_published = Library()
load = _published.load
names = _published.names
info = _published.info

__all__ = ["info", "load", "names"]
