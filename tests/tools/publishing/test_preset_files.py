import json

import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import MSStack
from msrnn_keras.presets import saving
from tests.presets_fixtures import datasets, files_in
from tools.publishing.preset_files import WeightRangeError, write_preset

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
    # Float16 is the rounded float32.
    files = (folder.parent / f"{i}/model.weights.h5" for i in (1, 2))
    full, half = map(datasets, files)
    assert full.keys() == half.keys()
    for name, values in full.items():
        assert values.dtype == "float32"
        assert half[name].dtype == "float16"
        np.testing.assert_array_equal(half[name], values.astype("float16"))


def test_appears_whole_or_not_at_all(tmp_path, model, metadata):
    missing = {"forecast.png": tmp_path / "none.png"}
    with pytest.raises(FileNotFoundError):
        write_preset(tmp_path, model, metadata, "", COMPILE, files=missing)
    assert list((tmp_path / "convlstm/mnist/tiny").iterdir()) == []
    huge = MSStack("convlstm", (4, 4, 1), filters=1, scales=(1,))
    huge.set_weights([w + 1e5 for w in huge.get_weights()])
    with pytest.raises(WeightRangeError, match="store float32. Received"):
        write_preset(tmp_path, huge, metadata, "", COMPILE, "float16")
    assert files_in(tmp_path) == []
    # A revision never changes.
    folder = write_preset(tmp_path, model, metadata, "old", COMPILE)
    with pytest.raises(FileExistsError, match=rf"Received: {folder}"):
        write_preset(tmp_path, model, metadata, "new", COMPILE)
    assert (folder / "README.md").read_text() == "old"


def test_invalid_metadata(tmp_path, model, metadata):
    for change, message in (
        ({"scores": {"validation": {}}}, "Received: scores="),
        ({"variant": "Tiny"}, "Received: .*'Tiny'"),
        ({"revision": None}, "Received: .*'None'"),
    ):
        with pytest.raises(ValueError, match=message):
            changed = {**metadata, **change}
            write_preset(tmp_path, model, changed, "", COMPILE)
    less = {name: x for name, x in metadata.items() if name != "license"}
    with pytest.raises(ValueError, match=r"keys license\. Received: "):
        write_preset(tmp_path, model, less, "", COMPILE)
    with pytest.raises(ValueError, match="Received: weights_dtype='int8'"):
        write_preset(tmp_path, model, metadata, "", COMPILE, "int8")
