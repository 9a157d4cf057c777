import json

import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import MSStack
from msrnn_keras.presets import saving
from tests.presets_fixtures import datasets, files_in
from tools.publishing.preset_files import (
    WeightRangeError,
    remove_unfinished,
    write_model,
    write_preset,
)

pytestmark = pytest.mark.backend_free

COMPILE = saving.DEFAULT_COMPILE
FILES = ["README.md", "config.json", "metadata.json", "model.weights.h5"]


def test_files_and_metadata(published, metadata, model):
    folder = published / "presets/convlstm/mnist/tiny/2"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (folder / "README.md").read_text() == "# Card\n"
    sizes = {"image_shape": [8, 6, 2], "context": 3, "horizon": 2}
    assert json.loads((folder / "metadata.json").read_text()) == {
        **metadata,
        "revision": "2",
        "input": {"scaling": "[0, 1]", "interval": None, **sizes},
        "parameters": sum(w.size for w in model.get_weights()),
        "weights_dtype": "float16",
        "minimum_version": msrnn_keras.__version__,
    }
    # No temporary folder is left.
    assert len(list(folder.parent.iterdir())) == 2


def test_float16_is_the_rounded_float32(published):
    folder = published / "presets/convlstm/mnist/tiny"
    full, half = (datasets(folder / f"{i}/model.weights.h5") for i in (1, 2))
    assert full.keys() == half.keys()
    for name, values in full.items():
        assert values.dtype == "float32"
        assert half[name].dtype == "float16"
        np.testing.assert_array_equal(half[name], values.astype("float16"))


def test_float16_files_are_smaller(tmp_path, metadata):
    model = MSStack("convlstm", (8, 8, 1), filters=24, scales=(1,))
    sizes = []
    for dtype in ("float32", "float16"):
        write_model(tmp_path / dtype, model, metadata, COMPILE, dtype)
        assert len(files_in(tmp_path / dtype)) == 3
        weights = tmp_path / dtype / "model.weights.h5"
        sizes.append(weights.stat().st_size)
    assert sizes[1] < 0.7 * sizes[0]


def test_weights_beyond_float16(tmp_path, metadata):
    model = MSStack("convlstm", (4, 4, 1), filters=1, scales=(1,))
    model.set_weights([w + 1e5 for w in model.get_weights()])
    with pytest.raises(WeightRangeError, match="store float32. Received"):
        write_preset(tmp_path, model, metadata, "", COMPILE, "float16")
    assert files_in(tmp_path) == []


def test_a_revision_never_changes(tmp_path, model, metadata):
    folder = write_preset(tmp_path, model, metadata, "old", COMPILE)
    with pytest.raises(FileExistsError, match=rf"Received: {folder}"):
        write_preset(tmp_path, model, metadata, "new", COMPILE)
    assert (folder / "README.md").read_text() == "old"


def test_appears_whole_or_not_at_all(tmp_path, model, metadata):
    missing = {"forecast.png": tmp_path / "none.png"}
    with pytest.raises(FileNotFoundError):
        write_preset(tmp_path, model, metadata, "", COMPILE, files=missing)
    assert list((tmp_path / "convlstm/mnist/tiny").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {"validation": {}}}, "Received: scores="),
        ({"variant": "Tiny"}, "Received: .*'Tiny'"),
        ({"revision": None}, "Received: .*'None'"),
        ({"license": None}, r"keys license\. Received: "),
    ],
)
def test_invalid_metadata(tmp_path, model, metadata, change, message):
    changed = {**metadata, **change}
    if changed["license"] is None:
        del changed["license"]
    with pytest.raises(ValueError, match=message):
        write_preset(tmp_path, model, changed, "", COMPILE)


def test_unknown_weights_dtype(tmp_path, model, metadata):
    with pytest.raises(ValueError, match="Received: weights_dtype='int8'"):
        write_preset(tmp_path, model, metadata, "", COMPILE, "int8")


def test_weights_and_files_are_copied(tmp_path, model, metadata):
    weights, picture = tmp_path / "given.h5", tmp_path / "drawn.png"
    weights.write_bytes(b"weights that were scored")
    picture.write_bytes(b"picture")
    folder = write_preset(
        tmp_path / "presets",
        model,
        {**metadata, "revision": 7},
        "# Card\n",
        COMPILE,
        "float16",
        weights,
        {"forecast.png": picture},
    )
    assert (folder / "model.weights.h5").read_bytes() == weights.read_bytes()
    assert (folder / "forecast.png").read_bytes() == b"picture"
    given = json.loads((folder / "metadata.json").read_text())
    assert (given["weights_dtype"], given["revision"]) == ("float16", "7")


def test_unfinished_folders_are_removed(tmp_path):
    left = [tmp_path / f".{n}.{'0f' * 16}" for n in (1, 12)]
    names = ("1", ".1", f".0.{'0f' * 16}", f".1.{'0g' * 16}", ".git")
    kept = [tmp_path / name for name in names]
    for folder in (*left, *kept):
        (folder / "inside").mkdir(parents=True)
    remove_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    remove_unfinished(tmp_path / "nowhere")
