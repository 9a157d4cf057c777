"""Public functions, methods and properties are annotated."""

import functools
import inspect
import typing

import pytest

import msrnn_keras
import zoo
from msrnn_keras.models.stream import Stream

pytestmark = pytest.mark.backend_free

MODULES = [msrnn_keras, zoo, zoo.hub, msrnn_keras.losses] + [
    getattr(msrnn_keras, name) for name in sorted(msrnn_keras._MODULES)
]
PACKAGES = ("msrnn_keras", "zoo")


def is_ours(value):
    """Return whether a class or a function is written in the packages."""
    code = getattr(value, "__code__", None)
    if code is not None and code.co_filename.startswith("<"):
        return False  # made by a dataclass or a named tuple
    return (value.__module__ or "").split(".")[0] in PACKAGES


def public_names(module):
    names = getattr(module, "__all__", None)
    if names is not None:
        return names
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]


def functions_of(name, value):
    """Yield the functions behind a name, with their full names."""
    if isinstance(value, (classmethod, staticmethod)):
        value = value.__func__
    if isinstance(value, functools.cached_property):
        value = value.func
    if isinstance(value, property):
        parts = {"fget": value.fget, "fset": value.fset}
    else:
        parts = {"": value}
    for part, function in parts.items():
        function = inspect.unwrap(function) if function else None
        if inspect.isfunction(function) and is_ours(function):
            yield f"{name}.{part}".rstrip("."), function


def methods_of(cls):
    """Yield the methods of a class that the packages define."""
    for owner in filter(is_ours, cls.__mro__):
        for name, member in vars(owner).items():
            if not name.startswith("_") or name.startswith("__"):
                yield from functions_of(
                    f"{owner.__module__}.{owner.__qualname__}.{name}", member
                )


def public_functions():
    """Return the functions that users call, by their full names."""
    found = dict(methods_of(Stream))
    for module in MODULES:
        for name in public_names(module):
            value = getattr(module, name)
            if inspect.isclass(value):
                found.update(methods_of(value))
            else:
                found.update(functions_of(f"{module.__name__}.{name}", value))
    return found


FUNCTIONS = public_functions()


def missing_annotations(function):
    """Return the parameters, and `return`, that have no annotation."""
    signature = inspect.signature(function)
    missing = [
        name
        for number, (name, parameter) in enumerate(signature.parameters.items())
        if parameter.annotation is parameter.empty
        and not (number == 0 and name in ("self", "cls"))
    ]
    if signature.return_annotation is signature.empty:
        missing.append("return")
    return missing


def test_public_signatures_are_annotated():
    missing = {
        name: names
        for name, function in FUNCTIONS.items()
        if (names := missing_annotations(function))
    }
    assert missing == {}


def late_names():
    """Return the names that modules import for annotations alone."""
    import matplotlib.figure
    import xarray

    from msrnn_keras.metrics import Reliability

    return {
        "Figure": matplotlib.figure.Figure,
        "Forecaster": msrnn_keras.Forecaster,
        "Reliability": Reliability,
        "xarray": xarray,
    }


@pytest.mark.parametrize("name", ["msrnn_keras.create", "zoo.load"])
def test_known_functions_are_found(name):
    assert name in FUNCTIONS


def test_annotations_resolve():
    names = late_names()
    for function in FUNCTIONS.values():
        typing.get_type_hints(function, localns=names)


def test_a_missing_annotation_is_named():
    def function(self, one, *two: int, three=3) -> None:
        pass

    def other(one: int, self=None):
        pass

    assert missing_annotations(function) == ["one", "three"]
    assert missing_annotations(other) == ["self", "return"]
