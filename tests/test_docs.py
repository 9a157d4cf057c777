"""The Python code of README and docs/ runs as printed.

Blocks marked `no-run` need files that nobody has: they compile, and the names
that they use of the packages exist.
"""

import ast
import importlib
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python( no-run)?\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#([^)\s]+))?\)")

pytestmark = pytest.mark.backend_free


def blocks(page, run):
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [code for marked, code in found if bool(marked) != run]


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p, run=True)], ids=lambda p: p.stem
)
def test_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(blocks(page, run=True))
    exec(compile(code, str(page), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p, run=False)], ids=lambda p: p.stem
)
def test_names_of_other_code_exist(page):
    modules = {}
    for code in blocks(page, run=False):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                package = importlib.import_module(node.module)
                for alias in node.names:
                    modules[alias.name] = getattr(package, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    modules[alias.name] = importlib.import_module(alias.name)
            elif isinstance(node, ast.Attribute):
                if isinstance(node.value, ast.Name):
                    owner = modules.get(node.value.id)
                    if isinstance(owner, type(ast)):
                        assert hasattr(owner, node.attr), ast.unparse(node)
    assert modules


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page):
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / path
        assert target.exists(), path
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", t).lower() for t in titles]
            assert anchor in [s.replace(" ", "-") for s in slugs], anchor


def test_readme_is_short():
    lines = PAGES[0].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
