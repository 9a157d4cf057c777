"""The documentation site: a strict build, its pages, and what breaks it."""

import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest

import msrnn_keras
import zoo
from tests.reference import tiny

pytest.importorskip("material")

from mkdocs.commands import build as mkdocs
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from tools.site import api, docstrings, links, pages, wiring

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parents[3]
NAMES = (ROOT / "tests/golden/public_names.txt").read_text("utf-8").split()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages by path, of one strict build."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-d"]
        + [str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.html")
    }


def test_every_public_name_is_in_the_api(site):
    text = "".join(x for path, x in site.items() if path.startswith("api/"))
    anchors = set(re.findall(r'id="([^"]+)"', text))
    modules = {"msrnn_keras.losses", "zoo.hub"}
    assert not {*NAMES} - anchors - modules
    assert {"msrnn_keras.losses.FrameL1L2Loss", "zoo.hub.push"} <= anchors


def test_every_preset_has_a_page_in_the_table_and_the_navigation(site):
    table = site["zoo/presets.html"]
    assert len(zoo.names()) > 10
    for name in zoo.names():
        path = f"presets/{name}/{zoo.info(name)['revision']}"
        assert "Training" in site[f"zoo/{path}.html"]
        quoted = urllib.parse.quote(path)
        assert f'href="{quoted}.html"' in table
        assert f'src="{quoted}/forecast.png"' in table


def test_nothing_is_loaded_from_another_server(site):
    sources = r'<(?:script|img|link)[^>]* (?:src|href)="(https?:[^"]*)"'
    for path, text in site.items():
        assert not re.findall(sources, text), path


def test_names_stay_on_one_line(site):
    assert '<span class="whole">--follow</span>' in site["command.html"]


def test_what_a_function_returns_is_one_item(site):
    text = re.sub("<.*?>", "", site["api/training.html"])
    assert "and the\nname of each baseline" in text


def test_drawings_and_code_are_on_the_pages(site):
    page = site["how-it-works.html"]
    assert page.count("<svg viewBox") == 7
    for path, text in site.items():
        assert "```" not in text, path
    assert "class MinimalCell" in re.sub(
        "<.*?>", "", site["examples/custom_cell.html"]
    )


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A function that builds a site of one page strictly, as mkdocs.yml says.

    It has no generated pages, which would take longer.
    """

    def run(markdown):
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs/a.md").write_text(markdown, encoding="utf-8")
        config = load_config(
            str(ROOT / "mkdocs.yml"),
            docs_dir=str(tmp_path / "docs"),
            site_dir=str(tmp_path / "site"),
            nav=[{"A": "a.md"}],
            plugins=["autorefs"],
            strict=True,
        )
        (hooks,) = config.hooks.values()
        nothing = {}, pages.Outside({}, {}, {})
        monkeypatch.setattr(hooks, "_content", lambda: nothing)
        mkdocs.build(config)

    return run


def test_a_good_link_passes(build, tmp_path):
    build("# A\n\n[x](a.md#a)\n\n```\n[y](gone.md)\n```\n")
    assert (tmp_path / "site/a.html").is_file()


@pytest.mark.parametrize(
    "markdown",
    [
        "[x](gone.md)",
        "[x](../LICENSE)",
        "[x](a.md#nowhere)",
        "![x](gone.png)",
        "[`x`][msrnn_keras.gone]",
        "```drawing\nunknown\n```",
    ],
)
def test_what_is_broken_fails(build, markdown):
    with pytest.raises(Abort):
        build(f"# A\n\n{markdown}\n")


def test_links_lead_from_file_to_page():
    known = {"README.md": "index.md", "docs/b/c.md": "b/c.md"}
    text = "[x](../../README.md#models), [y](https://a.b/c.md)"
    expected = "[x](../index.md#models), [y](https://a.b/c.md)"
    assert links.rewrite(text, "docs/b/c.md", known) == expected


def test_a_public_name_without_a_docstring_is_refused(monkeypatch):
    monkeypatch.setattr(msrnn_keras.create, "__doc__", None)
    with pytest.raises(api.MissingDocstringError, match="msrnn_keras.create"):
        api.pages()


def test_the_api_begins_with_what_builds_models_and_shows_examples():
    found = api.pages()
    models = found["api/models.md"]
    order = ["msrnn_keras.create", "msrnn_keras.MSStack", "msrnn_keras.SimVP"]
    places = [models.index(f"heading: {name}\n") for name in order]
    assert places == sorted(places)
    head = found["api/zoo.md"].split(":::")[0]
    assert "\n```pycon\n>>> import zoo\n" in head and "Example:" not in head


def test_a_docstring_gets_a_section_and_links():
    text = "Load.\n\nExample:\n>>> load()\n\nReference: `Clips`, `load`."
    text = docstrings.converted(text, "load")
    assert "Examples:\n    >>> load()\n\nReference" in text
    assert "[`Clips`][msrnn_keras.data.clips.Clips], `load`." in text


def test_a_drawing_is_read_from_the_model():
    model = tiny("ms-predrnn", scales=(1, 2, 2, 1), skips="unet3+")
    layers = wiring.read(model)
    assert [x.reads for x in layers] == [[], [0], [0, 1], [0, 2]]
    assert [x.size for x in layers] == [(16, 16), (8, 8), (8, 8), (16, 16)]
    assert all(x.passes_memory for x in layers)
    assert layers[0].states == ["h", "c"]
    svg, _ = wiring.draw("ms-predrnn", skips="fc")
    assert svg.count('class="arrow state"') == 6 + 1  # and the legend
    assert svg.count('class="arrow memory"') == 6 + 1
