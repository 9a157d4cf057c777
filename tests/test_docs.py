"""The Python code of README and docs/ runs as printed.

Blocks marked `no-run` need files that nobody has: they compile, and the names
that they use of the packages exist.
"""

import ast
import pathlib
import re

import pytest

import zoo
from msrnn_keras.training.recipe import parse_recipe
from tests.reference import tiny

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python( no-run)?\n(.*?)^```$", re.M | re.S)
RECIPE = re.compile(r"^```toml\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#([^)\s]+))?\)")

pytestmark = pytest.mark.backend_free


def load_small(name):
    sizes = {"image_shape": (64, 64, 1), "context": 10, "horizon": 10}
    model = tiny("ms-convlstm", scales=(1,), patch_size=8, **sizes)
    model.compile("adam", loss="mse")
    return model


def blocks(page, run):
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [code for marked, code in found if bool(marked) != run]


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p, run=True)], ids=lambda p: p.stem
)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.stem == "scores":  # it scores many clips
        monkeypatch.setattr(zoo, "load", load_small)
    code = "\n".join(blocks(page, run=True))
    exec(compile(code, str(page), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p, run=False)], ids=lambda p: p.stem
)
def test_names_of_other_code_exist(page):
    modules = {}
    nodes = list(ast.walk(ast.parse("\n".join(blocks(page, run=False)))))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node), modules)
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = modules.get(node.value.id)
            if isinstance(owner, type(ast)):
                assert hasattr(owner, node.attr), ast.unparse(node)
    assert modules.keys() - {"__builtins__"}


def test_recipes_can_be_read():
    texts = [
        text
        for page in PAGES
        for text in RECIPE.findall(page.read_text(encoding="utf-8"))
    ]
    assert len(texts) >= 2
    for text in texts:
        parse_recipe(text, "recipe.toml")


def test_links_lead_somewhere_and_the_readme_is_short():
    assert len(PAGES[0].read_text(encoding="utf-8").splitlines()) <= 120
    links = [
        (page.parent / path, anchor)
        for page in PAGES
        for path, anchor in LINK.findall(page.read_text(encoding="utf-8"))
    ]
    for target, anchor in links:
        assert target.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", t).lower() for t in titles]
            assert anchor in [s.replace(" ", "-") for s in slugs], anchor
