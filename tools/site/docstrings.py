"""Griffe extension: docstrings of the package as mkdocstrings reads them."""

import functools
import re
import textwrap

import griffe

from tools.site import api

_EXAMPLE = re.compile(
    r"^Example:\n(?=\s*>>> )(.*?)(?=\n *\n\S|\Z)", re.M | re.S
)
_NAME = re.compile(r"(?<![\[`\w])`((?:\w+\.)*[A-Za-z]\w*)`(?!`)")


class Docstrings(griffe.Extension):
    """Turn `Example:` into a section, and public names into links."""

    def on_instance(self, *, obj, **kwargs):
        """Change the docstring of an object in place."""
        if obj.docstring is not None and not obj.is_module:
            text = converted(obj.docstring.value, obj.name)
            obj.docstring.value = text


def converted(text, name):
    """Return the docstring of an object as mkdocstrings reads it."""
    text = _EXAMPLE.sub(_section, text)
    return _NAME.sub(lambda match: _link(match, name), text)


def _section(match):
    """Return an example as a section of Google style."""
    lines = textwrap.indent(textwrap.dedent(match[1]), "    ")
    return f"Examples:\n{lines}"


def _link(match, own):
    """Return a link to the public name in backticks, if it is one."""
    path = _public().get(match[1])
    if path is None or match[1] == own:
        return match[0]
    return f"[`{match[1]}`][{path}]"


@functools.cache
def _public():
    """Return the paths of public names, by every unambiguous way to write one.

    A name without a dot must be that of a class, since words such as `load`
    also name arguments.
    """
    found = {}
    for names in api.public_names().values():
        for public, path in names:
            parts = public.split(".")
            for first in range(len(parts)):
                written = ".".join(parts[first:])
                if "." in written or re.match("[A-Z].*[a-z]", written):
                    found.setdefault(written, path)
    return found
