"""Rewrite links in Markdown between files of the repository."""

import posixpath
import re

_FENCE = re.compile(r"^ *(`{3,}|~{3,})")
_LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")


class BrokenLinkError(ValueError):
    """A link to a file that is no page of the site."""


def rewrite(text, source, pages):
    """Return Markdown with links to repository files as links to pages.

    Args:
        text: String, Markdown with links relative to `source`.
        source: String, path of the file in the repository.
        pages: Dict from paths in the repository to paths on the site.

    Raises:
        BrokenLinkError: If a link leads to what is no page.
    """
    home = posixpath.dirname(pages[source])

    def replace(match):
        start, target, end = match.groups()
        if re.match(r"[a-z]+:", target):
            return match.group()
        path = posixpath.join(posixpath.dirname(source), target)
        path = posixpath.normpath(path)
        if path not in pages:
            raise BrokenLinkError(f"{source}: no page of the site is {target}")
        return start + posixpath.relpath(pages[path], home or ".") + end

    lines, fence = [], None
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark and fence is None:
            fence = mark[1]
        elif mark and line.strip() == fence:
            fence = None
        elif fence is None and not line.startswith("    "):
            line = _LINK.sub(replace, line)
        lines.append(line)
    return "".join(lines)
