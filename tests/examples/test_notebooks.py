"""The notebooks are those of the scripts as they are, and run."""

import json
import linecache
import pathlib
import sys
import types

import keras
import pytest

import zoo
from tests.examples.test_custom_cell import SIZES
from tests.examples.test_nowcast_radar import rain_of
from tests.reference import tiny

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "notebooks"
BATCHES = {"STEPS": 1, "BATCH": 2, "TEST_CLIPS": 2}


RADAR = {
    "download": lambda: None,
    "read_event": lambda folder, day: rain_of(9),
    **{"HORIZON": 3, "TRAINED": 2, "MINUTES": 1e-6},
}
CELL = {"SIZES": SIZES, "PLAIN": (1,), "MULTI_SCALE": (1, 2, 1)}
# What makes each of them small, and what it prints.
NOTEBOOKS = {
    "custom_cell": ({**BATCHES, **CELL}, "multi-scale"),
    "fine_tune": (BATCHES, "New: "),
    "nowcast_radar": (RADAR, "optical flow"),
    "predict_video": ({}, "error of the last frame, repeated: "),
}
NEEDS = {"nowcast_radar": ("pysteps", "cv2")}


def cells(name):
    """Type and text of the cells of a notebook."""
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    for cell in json.loads(text)["cells"]:
        yield cell["cell_type"], "".join(cell["source"])


def test_every_example_has_a_notebook():
    scripts = {path.stem for path in FOLDER.parent.glob("*.py")}
    assert scripts - {"make_notebooks"} == set(NOTEBOOKS)
    assert {path.stem for path in FOLDER.iterdir()} == set(NOTEBOOKS)


@pytest.mark.backend_free
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_that_of_its_script(name):
    pytest.importorskip("jupytext")
    from examples.make_notebooks import make_notebook

    made = [(c.cell_type, c.source) for c in make_notebook(name).cells]
    assert made == list(cells(name)), "python -m examples.make_notebooks"


@pytest.fixture
def shown(monkeypatch):
    """The first bytes of the pictures that a notebook shows."""
    pictures = []
    display = types.ModuleType("IPython.display")
    display.Image = lambda path: pictures.append(
        pathlib.Path(path).read_bytes()[:4]
    )
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return pictures


def small_preset(name, weights=True):
    sizes = {"image_shape": (64, 64, 1), "context": 10, "horizon": 10}
    return tiny(name.split("/")[0], scales=(1,), patch_size=8, **sizes)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the scripts are tested on all"
)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, monkeypatch, tmp_path, capsys, shown):
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo, "load", small_preset)
    sizes, expected = NOTEBOOKS[name]
    namespace = {"__name__": "__main__"}
    for number, (kind, source) in enumerate(cells(name)):
        if kind == "code":
            file = f"<{name} {number}>"  # found by those who read the source
            lines = source.splitlines(keepends=True)
            linecache.cache[file] = (len(source), None, lines, file)
            exec(compile(source, file, "exec"), namespace)
            present = sizes.keys() & namespace.keys()
            namespace.update({key: sizes[key] for key in present})
    assert expected in capsys.readouterr().out
    assert shown and set(shown) <= {b"\x89PNG", b"GIF8"}
