"""Listing, describing and loading presets."""

import json
import shutil

import numpy as np
import pytest

import zoo
from msrnn_keras.presets.download import PresetFileError
from msrnn_keras.presets.library import MANIFEST, Library
from tools.publishing import manifest

TINY = ("convlstm", "mnist")


def test_public_functions_read_the_published_manifest(in_place):
    published = json.loads(MANIFEST.read_text())["presets"]
    wanted = sorted({folder.rsplit("/", 1)[0] for folder in published})
    assert zoo.names() == wanted
    assert in_place.names() != wanted


def test_names(tmp_path, write_stub):
    for name in ("mim/kth/b/1", "mim/kth/b/2", "mim/mnist/a/1", "ms-x/kth/c/1"):
        write_stub(tmp_path, name, 1.0)
    path = tmp_path / "manifest.json"
    manifest.main([], tmp_path, path)
    library = Library(tmp_path, path)
    assert library.names() == ["mim/kth/b", "mim/mnist/a", "ms-x/kth/c"]
    assert library.names("MIM") == ["mim/kth/b", "mim/mnist/a"]
    assert library.names(dataset="kth") == ["mim/kth/b", "ms-x/kth/c"]
    assert library.names("ms_x", "mnist") == []


def test_info(in_place):
    info = in_place.info(*TINY, revision=1)
    assert info["license"] == "Apache-2.0"
    assert info["weights_dtype"] == "float32"
    assert info["scores"]["validation"]["forecast"]["mse"] == 5.0
    weights = in_place.root / "convlstm/mnist/tiny/1/model.weights.h5"
    assert info["files"]["model.weights.h5"]["bytes"] == weights.stat().st_size
    assert in_place.info(*TINY)["weights_dtype"] == "float16"


@pytest.mark.parametrize(("revision", "atol"), [(1, 1e-6), (2, 5e-3)])
def test_round_trip(in_place, model, past, revision, atol):
    loaded = in_place.load(*TINY, revision=revision)
    expected = model.predict(past, verbose=0)
    actual = loaded.predict(past, verbose=0)
    np.testing.assert_allclose(actual, expected, atol=atol)
    # The weights matter: untrained ones predict otherwise.
    untrained = in_place.load(*TINY, revision=revision, weights=False)
    difference = np.abs(untrained.predict(past, verbose=0) - expected)
    assert difference.max() > 10 * atol


def test_fetched(elsewhere, published, model, past, serve, tmp_path):
    loaded = elsewhere.load(
        *TINY,
        revision="1",
        cache_dir=tmp_path / "cache",
        base_url=serve(published / "presets"),
    )
    np.testing.assert_allclose(
        loaded.predict(past, verbose=0),
        model.predict(past, verbose=0),
        atol=1e-6,
    )
    # A second time, from the cache alone.
    again = elsewhere.load(*TINY, revision="1", cache_dir=tmp_path / "cache")
    for one, other in zip(
        again.get_weights(), loaded.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_not_to_be_had(elsewhere):
    with pytest.raises(PresetFileError, match="tiny/2/metadata.json"):
        elsewhere.load(*TINY)
    with pytest.raises(PresetFileError, match="tiny/2/metadata.json"):
        elsewhere.info(*TINY)


def test_damaged_weights(published, tmp_path):
    root = tmp_path / "presets"
    shutil.copytree(published / "presets", root)
    path = root / "convlstm/mnist/tiny/2/model.weights.h5"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    library = Library(root, published / "manifest.json")
    with pytest.raises(PresetFileError, match="tiny/2/model.weights.h5 is dam"):
        library.load(*TINY)
    library.load(*TINY, weights=False)
    library.load(*TINY, revision=1)


def test_untrained_needs_no_weights(elsewhere, published, tmp_path):
    elsewhere.load(
        *TINY,
        weights=False,
        cache_dir=tmp_path,
        base_url=published / "presets",
    )
    fetched = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert fetched == {"config.json", "metadata.json"}


def test_preset_without_weights(tmp_path, write_stub):
    write_stub(tmp_path, "mim/mnist/bare/1", 1.0, weights=None)
    path = tmp_path / "manifest.json"
    manifest.main([], tmp_path, path)
    with pytest.raises(ValueError, match=r"use `weights=False`\. Received: "):
        Library(tmp_path, path).load("mim", "mnist", "bare")


def test_overrides(in_place, model):
    loaded = in_place.load(
        *TINY,
        revision=1,
        image_shape=(12, 10, 2),
        horizon=4,
        dtype="mixed_bfloat16",
    )
    assert loaded.image_shape == (12, 10, 2)
    assert loaded.horizon == 4
    assert loaded.context == 3
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    for one, other in zip(
        loaded.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_longer_horizon_begins_alike(in_place, model, past):
    longer = in_place.load(*TINY, revision=1, horizon=4)
    actual = longer.predict(past, verbose=0)
    assert actual.shape[1] == 4
    np.testing.assert_allclose(
        actual[:, :2], model.predict(past, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize("image_shape", [(8, 6, 1), (8, 6)])
def test_trained_channels_do_not_change(in_place, image_shape):
    with pytest.raises(
        ValueError, match="weights=False.*Received: image_shape"
    ):
        in_place.load(*TINY, image_shape=image_shape)


def test_untrained_channels_are_free(in_place):
    loaded = in_place.load(*TINY, weights=False, image_shape=(8, 6, 5))
    assert loaded.image_shape == (8, 6, 5)


def test_unknown_name(in_place):
    with pytest.raises(ValueError, match="nearest are: convlstm.*'convlst'"):
        in_place.load("convlst", "mnist")
