"""Trained models for `msrnn_keras`.

Example:
    >>> import zoo
    >>> zoo.names()
    >>> model = zoo.load("ms-convlstm", "mnist")
    >>> mine = zoo.load("runs/mine")  # a run of `msrnn train`
    >>> theirs = zoo.load("hf://user/name")  # on the Hugging Face Hub
"""

from msrnn_keras.presets import hub
from msrnn_keras.presets.library import Library

_published = Library()
load = _published.load
names = _published.names
info = _published.info

__all__ = ["hub", "info", "load", "names"]
