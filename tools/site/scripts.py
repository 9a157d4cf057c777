"""A page of a script: its cells as prose and code."""

import re

_CELL = re.compile(r"^# %%(.*)$", re.M)


def page(source):
    """Return Markdown of a script, cut at the marks `# %%` if it has any."""
    first, *rest = _CELL.split(source)
    if not rest:
        return f"# {_title(source)}\n\n{_code(source)}\n"
    parts = [_code(first)] if first.strip() else []
    for head, body in zip(rest[::2], rest[1::2], strict=True):
        if "active-ipynb" in head:  # for the notebook alone
            continue
        parts.append(_prose(body) if "markdown" in head else _code(body))
    return "\n\n".join(parts) + "\n"


def _title(source):
    """Return the first sentence of the docstring."""
    return source.split('"""')[1].splitlines()[0].rstrip(".")


def _prose(body):
    """Return the Markdown of a cell: a docstring, or comments."""
    body = body.strip()
    if body.startswith('"""'):
        title, _, text = body.strip('"').partition("\n")
        return f"# {title.rstrip('.')}\n{text}".rstrip()
    return "\n".join(line.removeprefix("#")[1:] for line in body.splitlines())


def _code(body):
    """Return a cell of code as a block."""
    return f"```python\n{body.strip()}\n```"
