"""The notebooks are those of the scripts as they are, and run."""

import json
import linecache
import pathlib
import sys
import types

import pytest

import zoo
from examples.make_notebooks import make_notebook
from examples.nowcast_radar import clips_of
from msrnn_keras import data
from tests.examples.test_custom_cell import SIZES
from tests.examples.test_nowcast_radar import rain_of, small_model
from tests.reference import tiny

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "notebooks"
BATCHES = {"STEPS": 1, "BATCH": 2, "TEST_CLIPS": 2}
RADAR = {
    "download": lambda: None,
    "clips_of": lambda rain, model: clips_of(rain, model, 1),
}
CELL = {"SIZES": SIZES, "PLAIN": (1,), "MULTI_SCALE": (1, 2, 1)}
# What makes each of them small, and what it prints.
NOTEBOOKS = {
    "custom_cell": ({**BATCHES, **CELL}, "multi-scale"),
    "fine_tune": (BATCHES, "New: "),
    "nowcast_radar": (RADAR, "optical flow"),
    "predict_video": ({}, "error of the last frame, repeated: "),
}

pytestmark = pytest.mark.backend_free


def cells(name):
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    for cell in json.loads(text)["cells"]:
        yield cell["cell_type"], "".join(cell["source"])


def test_the_notebooks_are_those_of_the_examples():
    scripts = {path.stem for path in FOLDER.parent.glob("*.py")}
    alone = {"make_notebooks", "onnx_stream", "known_inputs"}
    assert scripts - alone == set(NOTEBOOKS)
    assert {path.stem for path in FOLDER.iterdir()} == set(NOTEBOOKS)
    for name in NOTEBOOKS:
        made = [(c.cell_type, c.source) for c in make_notebook(name).cells]
        assert made == list(cells(name)), "python -m examples.make_notebooks"


def small_preset(name, weights=True):
    if name.endswith("/radar"):
        return small_model()
    sizes = {"image_shape": (64, 64, 1), "context": 10, "horizon": 10}
    return tiny(name.split("/")[0], scales=(1,), patch_size=8, **sizes)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name, monkeypatch, tmp_path, capsys):
    shown, display = [], types.ModuleType("IPython.display")
    display.Image = lambda path: shown.append(pathlib.Path(path))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo, "load", small_preset)
    monkeypatch.setattr(data, "from_radar", lambda *_, **__: rain_of(6))
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
    assert {path.read_bytes()[:4] for path in shown} <= {b"\x89PNG", b"GIF8"}
    assert shown
