"""Hooks of MkDocs: add generated pages, rewrite links, draw diagrams."""

import functools
import pathlib
import re
import sys

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # of the script `mkdocs`
    sys.path.insert(0, str(ROOT))

from tools.site import api, drawings, links, pages  # noqa: E402

MARK = "```python no-run\n"  # see tests/test_docs.py
SHOWN = '```python title="with files or code of your own"\n'
_CODE = re.compile("<code>[^<\\n]+</code>")
_HYPHENATED = re.compile(r"(?<![^\s>])[^\s<>]*-[^\s<>]*(?![^\s<])")


@functools.cache
def _content():
    """Return the generated pages and the map of the repository's files."""
    outside = pages.outside(ROOT)
    generated = {**outside.texts, **pages.zoo(ROOT), **api.pages()}
    return generated, outside


def on_config(config):
    """Replace entries of the navigation that end in "/" by pages."""
    generated, _ = _content()
    config.nav = _expanded(config.nav, generated)
    return config


def on_files(files, config):
    """Add the pages that are not in docs/, and files that they show."""
    generated, outside = _content()
    for path, text in generated.items():
        files.append(File.generated(config, path, content=text))
    for source, path in outside.assets.items():
        place = {"abs_src_path": str(ROOT / source)}
        files.append(File.generated(config, path, **place))
    return files


def on_page_markdown(markdown, page, config, files):
    """Rewrite links to files of the repository, and draw diagrams."""
    _, outside = _content()
    docs = pathlib.Path(config.docs_dir)
    local = {
        f"docs/{file.src_uri}": file.src_uri
        for file in files
        if (docs / file.src_uri).exists()
    }
    places = {**outside.places, **local}
    path = page.file.src_uri
    source = next((s for s, p in places.items() if p == path), None)
    try:
        if source is not None:
            markdown = links.rewrite(markdown, source, places)
        return drawings.draw_all(markdown.replace(MARK, SHOWN))
    except ValueError as error:
        raise PluginError(f"{source or path}: {error}") from error


def on_page_content(html, page, config, files):
    """Keep the browser from breaking names such as `--out` at a hyphen."""
    return _CODE.sub(lambda x: _HYPHENATED.sub(_whole, x[0]), html)


def _whole(match):
    """Mark a word that must not be broken, unless it is long."""
    word = match[0]
    return word if len(word) > 32 else f'<span class="whole">{word}</span>'


def _expanded(nav, generated):
    """Return a navigation with the generated pages of its folders."""
    found = []
    for entry in nav:
        if isinstance(entry, str):
            found.append(entry)
            continue
        ((title, target),) = entry.items()
        if isinstance(target, list):
            target = _expanded(target, generated)
        elif target.endswith("/"):
            inside = [path for path in generated if path.startswith(target)]
            if not inside:
                raise PluginError(f"mkdocs.yml: no page is in {target}")
            target = inside
        found.append({title: target})
    return found
