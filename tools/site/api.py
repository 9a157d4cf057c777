"""The pages of the API: every public name of the packages, with docstrings."""

import ast
import importlib
import inspect
import re
import textwrap
from types import ModuleType
from typing import NamedTuple

import msrnn_keras
import zoo

FOLDER = "api"
INDEX = """\
# API

Every public name. `msrnn_keras` has the models and the cells; the other modules
are imported on first use, as `msrnn_keras.data` or
`from msrnn_keras import data`.

| page | what it has |
|---|---|
"""
# Classes that public functions return, by the page that describes them.
RETURNED = {
    "models": ["msrnn_keras.models.stream.Stream"],
    "data": ["msrnn_keras.data.lazy_frames.LazyFrames"],
}
FIRST = ("create", "MSStack")  # on their page, before the others
HEADS = {
    "models": (
        "Models",
        "The models, and what builds and changes them: names of `msrnn_keras`.",
    ),
    "cells": (
        "Cells",
        "The recurrent cells, and the layer that runs one over time: names of "
        "`msrnn_keras`.",
    ),
}


_EXAMPLE = re.compile(r"^Example:\n((?: +.*(?:\n|\Z))+)", re.M)


class MissingDocstringError(ValueError):
    """A public name without a docstring."""


class Name(NamedTuple):
    """A public name, and where its code is."""

    public: str  # "msrnn_keras.data.Clips"
    path: str  # "msrnn_keras.data.clips.Clips"


def public_modules():
    """Return the public modules by name, without the packages themselves."""
    names = sorted({*msrnn_keras._MODULES, "losses"})
    modules = {f"msrnn_keras.{x}": getattr(msrnn_keras, x) for x in names}
    return {**modules, "zoo": zoo}


def public_names():
    """Return the `Name`s of each page, checked for docstrings."""
    pages = {"models": [], "cells": []}
    others = [name for name in msrnn_keras.__all__ if name not in FIRST]
    for name in (*FIRST, *others):
        value = getattr(msrnn_keras, name)
        if not isinstance(value, ModuleType):
            is_cell = name.endswith("Cell") or name == "ConvRNN"
            page = "cells" if is_cell else "models"
            pages[page].append(_locate(msrnn_keras, "msrnn_keras", name))
    for public, module in public_modules().items():
        page = public.removeprefix("msrnn_keras.")
        pages[page] = []
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, ModuleType):
                pages[page] += _functions(f"{public}.{name}", value)
            else:
                pages[page].append(_locate(module, public, name))
    for page, paths in RETURNED.items():
        pages[page] += [Name(path, path) for path in paths]
    return pages


def pages():
    """Return the pages as a dict from path on the site to Markdown."""
    modules = public_modules()
    found, rows, written = {}, [], set()
    for page, names in public_names().items():
        if page in HEADS:
            title, text = HEADS[page]
        else:
            title = page if page == "zoo" else f"msrnn_keras.{page}"
            text = _docstring(title, modules[title].__doc__)
            text = _EXAMPLE.sub(_fenced, text)
        parts = [_entry(name, name.path in written) for name in names]
        parts = [f"# {title}", text, *parts]
        written.update(name.path for name in names)
        found[f"{FOLDER}/{page}.md"] = "\n\n".join(parts) + "\n"
        line = text.splitlines()[0]
        rows.append(f"| [{title}]({page}.md) | {line} |")
    index = {f"{FOLDER}/index.md": INDEX + "\n".join(rows) + "\n"}
    return {**index, **found}


def _fenced(match):
    """Return the example of a module as a block of code."""
    return f"```pycon\n{textwrap.dedent(match[1]).rstrip()}\n```\n"


def _entry(name, is_written):
    """Return the Markdown that makes mkdocstrings write about a name."""
    last = name.public.split(".")[-1]
    if is_written:  # on another page
        head = f"## {name.public} {{#{name.public}}}"
        return f"{head}\n\nThe same as [`{last}`][{name.path}]."
    anchor = "" if name.public == name.path else f"[](){{#{name.public}}}\n\n"
    return (
        f"{anchor}::: {name.path}\n    options:\n"
        f"      heading: {name.public}\n      toc_label: {last}"
    )


def _functions(public, module):
    """Return the functions of a module that say what their arguments are."""
    _docstring(public, module.__doc__)
    return [
        _locate(module, public, name)
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
        and "Args:" in (value.__doc__ or "")
    ]


def _locate(module, public, name):
    """Return a `Name`, once it has a docstring."""
    value = getattr(module, name)
    public = f"{public}.{name}"
    if inspect.isclass(value) or inspect.isfunction(value):
        _docstring(public, value.__doc__)
        return Name(public, f"{value.__module__}.{value.__qualname__}")
    path, text = _constant(module.__name__, name)
    _docstring(public, text)
    return Name(public, path)


def _constant(module, name):
    """Return the path and the docstring of a constant, read from the code."""
    lazy = getattr(importlib.import_module(module), "_MODULES", {})
    if name in lazy:
        return _constant(f"{module}.{lazy[name]}", name)
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if _target(node) == name:
            is_text = isinstance(after, ast.Expr)
            text = is_text and getattr(after.value, "value", None)
            return f"{module}.{name}", text
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _constant(node.module, alias.name)
    raise LookupError(f"{module}.{name} is not assigned at the top level")


def _target(node):
    """Return the name that a statement assigns, None of other statements."""
    is_one = isinstance(node, ast.Assign) and len(node.targets) == 1
    return getattr(node.targets[0], "id", None) if is_one else None


def _docstring(name, text):
    """Return a docstring without indentation; refuse a missing one."""
    if not (text and text.strip()):
        raise MissingDocstringError(f"{name} has no docstring")
    return inspect.cleandoc(text)
