"""Parts of a preset: files that are copied, what a killed call left."""

import json

import h5py
import numpy as np
import pytest

from msrnn_keras import MSStack
from msrnn_keras.presets.saving import (
    WeightRangeError,
    build,
    remove_unfinished,
    write_model,
    write_preset,
)

COMPILE = {"loss": "mse", "learning_rate": 1e-3}
pytestmark = pytest.mark.backend_free


def test_weights_and_files_are_copied_as_they_are(tmp_path, model, metadata):
    weights, picture = tmp_path / "given.h5", tmp_path / "drawn.png"
    weights.write_bytes(b"weights that were scored")
    picture.write_bytes(b"picture")
    folder = write_preset(
        tmp_path / "presets",
        model,
        metadata,
        "# Card\n",
        COMPILE,
        weights_dtype="float16",
        weights=weights,
        files={"forecast.png": picture},
    )
    assert (folder / "model.weights.h5").read_bytes() == weights.read_bytes()
    assert (folder / "forecast.png").read_bytes() == b"picture"
    given = json.loads((folder / "metadata.json").read_text())
    assert given["weights_dtype"] == "float16"


def test_a_model_of_mixed_precision_is_published_in_float32(tmp_path, metadata):
    model = MSStack(
        "convlstm", (8, 6, 1), filters=2, scales=(1,), dtype="mixed_bfloat16"
    )
    write_model(tmp_path, model, metadata, COMPILE)
    config = json.loads((tmp_path / "config.json").read_text())
    loaded = build(config, tmp_path / "model.weights.h5")
    assert loaded.dtype_policy.name == "float32"
    for given, kept in zip(
        model.get_weights(), loaded.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(given, kept)


def test_a_file_that_is_not_there_leaves_nothing(tmp_path, model, metadata):
    with pytest.raises(FileNotFoundError):
        write_preset(
            tmp_path,
            model,
            metadata,
            "",
            COMPILE,
            files={"forecast.png": tmp_path / "none.png"},
        )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_float16_refuses_by_name(tmp_path, metadata):
    model = MSStack("convlstm", (4, 4, 1), filters=1, scales=(1,))
    model.set_weights([w + 1e5 for w in model.get_weights()])
    with pytest.raises(WeightRangeError, match="Received: .*float16"):
        write_model(tmp_path, model, metadata, COMPILE, "float16")


def test_float16_takes_less_room(tmp_path, metadata):
    model = MSStack("convlstm", (8, 8, 1), filters=24, scales=(1,))
    sizes = []
    for dtype in ("float32", "float16"):
        write_model(tmp_path / dtype, model, metadata, COMPILE, dtype)
        weights = tmp_path / dtype / "model.weights.h5"
        sizes.append(weights.stat().st_size)
    assert sizes[1] < 0.7 * sizes[0]


def test_the_revision_is_kept_as_text(tmp_path, model, metadata):
    write_model(tmp_path, model, {**metadata, "revision": 7}, COMPILE)
    given = json.loads((tmp_path / "metadata.json").read_text())
    assert given["revision"] == "7"
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert file.keys()


def test_only_what_was_left_is_removed(tmp_path):
    left = [tmp_path / f".{n}.{'0f' * 16}" for n in (1, 12)]
    kept = [
        tmp_path / name
        for name in ("1", ".1", f".0.{'0f' * 16}", f".1.{'0g' * 16}", ".git")
    ]
    for folder in (*left, *kept):
        (folder / "inside").mkdir(parents=True)
    remove_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    remove_unfinished(tmp_path / "nowhere")
