"""The pages made of files outside docs/: README, cards, examples, recipes."""

import pathlib
from typing import NamedTuple

from tools.site import presets, scripts

PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/README.md": "examples/index.md",
}
RECIPES = "zoo/recipes"


class Outside(NamedTuple):
    """Files of the repository that are pages or files of the site."""

    places: dict  # path in the repository: path on the site
    texts: dict  # path on the site: Markdown
    assets: dict  # path in the repository: path on the site, to be copied


def outside(root):
    """Return all files outside docs/ that are on the site."""
    root = pathlib.Path(root)
    texts = {
        page: (root / source).read_text(encoding="utf-8")
        for source, page in PAGES.items()
    }
    places = {**PAGES, RECIPES: f"{RECIPES}.md"}
    for path in sorted((root / "examples").glob("*.py")):
        source = path.relative_to(root).as_posix()
        places[source] = source.replace(".py", ".md")
        texts[places[source]] = scripts.page(path.read_text(encoding="utf-8"))
    assets = {}
    for path in sorted((root / "examples").rglob("*.ipynb")):
        source = path.relative_to(root).as_posix()
        assets[source] = source
    for folder in presets.listed(root):
        source = folder.relative_to(root).as_posix()
        places[f"{source}/README.md"] = f"{source}.md"
        texts[f"{source}.md"] = presets.card(folder)
        for picture in sorted(folder.glob("*.png")):
            assets[f"{source}/{picture.name}"] = f"{source}/{picture.name}"
    return Outside({**places, **assets}, texts, assets)


def zoo(root):
    """Return the pages of the zoo that are made of the manifest."""
    recipes = ["# Recipes", "`msrnn train NAME --out RUN` trains one of these."]
    for path in sorted((pathlib.Path(root) / RECIPES).rglob("*.toml")):
        name = path.relative_to(pathlib.Path(root) / RECIPES).with_suffix("")
        text = path.read_text(encoding="utf-8").rstrip()
        recipes.append(f"## {name.as_posix()}\n\n```toml\n{text}\n```")
    return {
        "zoo/presets.md": presets.overview(root),
        f"{RECIPES}.md": "\n\n".join(recipes) + "\n",
    }
