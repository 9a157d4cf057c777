"""Writing presets."""

import json

import h5py
import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import MSStack, ScheduledSampling
from msrnn_keras.presets import saving
from msrnn_keras.presets.saving import build, check_version, write_preset

COMPILE = {"loss": "mse", "learning_rate": 1e-3}


def datasets(path):
    """All arrays of an HDF5 file, by name."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def test_files_and_metadata(published, metadata, model):
    folder = published / "presets/convlstm/mnist/tiny/2"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "metadata.json",
        "model.weights.h5",
    ]
    assert (folder / "README.md").read_text() == "# Card\n"
    assert json.loads((folder / "metadata.json").read_text()) == {
        **metadata,
        "revision": "2",
        "input": {
            "scaling": "[0, 1]",
            "interval": None,
            "image_shape": [8, 6, 2],
            "context": 3,
            "horizon": 2,
        },
        "parameters": sum(w.size for w in model.get_weights()),
        "weights_dtype": "float16",
        "minimum_version": msrnn_keras.__version__,
    }
    # Nothing else is left of the writing.
    assert len(list(folder.parent.iterdir())) == 2


def test_float16_is_the_rounded_float32(published):
    folder = published / "presets/convlstm/mnist/tiny"
    full = datasets(folder / "1/model.weights.h5")
    half = datasets(folder / "2/model.weights.h5")
    assert full.keys() == half.keys()
    for name, values in full.items():
        assert values.dtype == "float32"
        assert half[name].dtype == "float16"
        np.testing.assert_array_equal(half[name], values.astype("float16"))


def test_a_trained_model_leaves_its_training_behind(tmp_path, metadata, past):
    model = MSStack(
        "convlstm",
        image_shape=(8, 6, 2),
        context=3,
        horizon=1,
        filters=2,
        scales=(1,),
        sampling=ScheduledSampling.linear(10),
    )
    model.compile("adam", loss="mse")
    model.fit(past, past[:, -1:], verbose=0)
    loss = msrnn_keras.losses.FrameL1L2Loss(name="mine")
    folder = write_preset(
        tmp_path, model, metadata, "", {"loss": loss, "learning_rate": 0.5}
    )
    stored = datasets(folder / "model.weights.h5")
    total = sum(values.size for values in stored.values())
    assert total == sum(w.numpy().size for w in model.trainable_weights)

    config = json.loads((folder / "config.json").read_text())
    loaded = build(config, folder / "model.weights.h5")
    assert loaded.sampling is None
    assert isinstance(loaded.loss, msrnn_keras.losses.FrameL1L2Loss)
    assert loaded.loss.name == "mine"
    np.testing.assert_allclose(
        loaded.predict(past, verbose=0),
        model.predict(past, verbose=0),
        atol=1e-6,
    )


def test_does_not_overwrite(tmp_path, model, metadata):
    folder = write_preset(tmp_path, model, metadata, "old", COMPILE)
    with pytest.raises(FileExistsError, match=rf"Received: {folder}"):
        write_preset(tmp_path, model, metadata, "new", COMPILE)
    assert (folder / "README.md").read_text() == "old"


def test_appears_whole_or_not_at_all(tmp_path, model, metadata, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(saving, "_write_weights", fail)
    with pytest.raises(OSError, match="disk full"):
        write_preset(tmp_path, model, metadata, "", COMPILE)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list((tmp_path / "convlstm/mnist/tiny").iterdir()) == []


def test_weights_beyond_float16(tmp_path, metadata):
    model = MSStack("convlstm", (4, 4, 1), filters=1, scales=(1,))
    model.set_weights([w + 1e5 for w in model.get_weights()])
    with pytest.raises(ValueError, match="store float32. Received"):
        write_preset(
            tmp_path, model, metadata, "", COMPILE, weights_dtype="float16"
        )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {"validation": {}}}, "Received: scores="),
        ({"variant": "Tiny"}, "Received: .*'Tiny'"),
        ({"revision": None}, "Received: .*'None'"),
    ],
)
def test_bad_metadata(tmp_path, model, metadata, change, message):
    with pytest.raises(ValueError, match=message):
        write_preset(tmp_path, model, {**metadata, **change}, "", COMPILE)


def test_missing_metadata(tmp_path, model, metadata):
    short = {k: v for k, v in metadata.items() if k != "license"}
    with pytest.raises(ValueError, match=r"keys license\. Received: "):
        write_preset(tmp_path, model, short, "", COMPILE)


def test_unknown_weights_dtype(tmp_path, model, metadata):
    with pytest.raises(ValueError, match="Received: weights_dtype='int8'"):
        write_preset(tmp_path, model, metadata, "", COMPILE, "int8")


@pytest.mark.parametrize("needed", ["0.1.0", "0.1", "0.0.9"])
def test_version_is_enough(monkeypatch, needed):
    monkeypatch.setattr(msrnn_keras, "__version__", "0.1.0")
    check_version({"minimum_version": needed})


@pytest.mark.parametrize("needed", ["0.1.1", "0.10.0", "1.0.0"])
def test_version_is_too_old(monkeypatch, needed):
    monkeypatch.setattr(msrnn_keras, "__version__", "0.1.0")
    with pytest.raises(RuntimeError, match=f"{needed} or newer.*Received: "):
        check_version({"minimum_version": needed})


def test_build_gives_the_compiled_model(published):
    path = published / "presets/convlstm/mnist/tiny/1/config.json"
    model = build(json.loads(path.read_text()))
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    rate = keras.ops.convert_to_numpy(model.optimizer.learning_rate)
    np.testing.assert_allclose(rate, 0.002)
    assert keras.losses.get(model.loss) is keras.losses.mean_absolute_error
