"""Sizes of a model are known before it takes memory."""

import json
import shutil

import h5py
import keras
import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.models.architectures import ARCHITECTURES
from msrnn_keras.presets.loading import load_folder
from msrnn_keras.presets.sizes import check_sizes, weight_shapes
from tests.runs import RECIPE

HUGE = 10**6  # filters; a kernel of them would take 3 TB


@pytest.fixture
def folder(published, tmp_path):
    source = published / "presets/convlstm/mnist/tiny/1"
    return shutil.copytree(source, tmp_path / "mine")


def change(folder, **arguments):
    """Change arguments of the model in a preset's configuration."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["model"]["config"] |= arguments
    path.write_text(json.dumps(config))


@pytest.mark.backend_free
@pytest.mark.parametrize("name", ["ms-convlstm", "simvp-v2", "earthformer"])
def test_shapes_need_no_values(name):
    sizes = {"context": 2, "horizon": 2, "image_shape": (16, 16, 1)}
    model = msrnn_keras.create(name, **sizes)
    shapes = weight_shapes(lambda: msrnn_keras.create(name, **sizes))
    assert shapes == [w.shape for w in model.weights if "float" in str(w.dtype)]
    option = {
        "MSStack": "filters",
        "SimVP": "translator_filters",
        "Earthformer": "base_units",
    }[ARCHITECTURES[name].model]
    huge = weight_shapes(
        lambda: msrnn_keras.create(name, **sizes, **{option: 16 * HUGE})
    )
    assert max(map(max, huge)) >= 16 * HUGE
    # Nothing is left that waits for a value.
    assert keras.Variable(np.zeros(1)).value is not None


@pytest.mark.backend_free
def test_weights_are_compared_before_the_model_is_built(folder):
    weights = folder / "model.weights.h5"
    change(folder, filters=HUGE)
    with pytest.raises(ValueError, match=f"numbers instead of.* of {weights}"):
        load_folder(folder)
    config = folder / "config.json"
    with pytest.raises(ValueError, match=f"000 weights. Rec.* in {config}"):
        load_folder(folder, weights=False)
    change(folder, filters=-1)
    with pytest.raises(ValueError, match=f"`filters`.*Rec.* in {config}"):
        load_folder(folder)
    change(folder, filters=3)
    config.write_text(config.read_text().replace('"mae"', '"no loss"'))
    with pytest.raises(ValueError, match=f"no loss.* {config}"):
        load_folder(folder)


@pytest.mark.backend_free
def test_weights_of_other_shapes_or_without_bytes(folder):
    path = folder / "model.weights.h5"
    whole = path.read_bytes()
    with h5py.File(path, "a") as file:
        name = next(n for n in names_in(file) if file[n].ndim == 4)
        turned = file[name][()].transpose()
        del file[name]
        file[name] = turned
    with pytest.raises(ValueError, match=f"a weight of shape .* of {path}"):
        load_folder(folder)
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        del file[name]
        file.create_dataset(name, (1 << 20, 1 << 20), "float32")
    with pytest.raises(ValueError, match=f"a claim of .* bytes.* of {path}"):
        load_folder(folder)
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        shape = file[name].shape
        del file[name]
        external = [(__file__, 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(name, shape, "float32", external=external)
    with pytest.raises(ValueError, match=f"in another file of {path}"):
        load_folder(folder)
    for damaged in (whole[: len(whole) // 2], whole[:100], b""):
        path.write_bytes(damaged)
        with pytest.raises(OSError, match=f"cannot be read.*{path}"):
            load_folder(folder)


def names_in(file):
    names = []
    file.visit(names.append)
    return [name for name in names if isinstance(file[name], h5py.Dataset)]


@pytest.mark.backend_free
def test_what_takes_long_is_refused(folder):
    wrapped = {"class": "MSStack", "config": {"horizon": 10**9}}
    for arguments in (
        {"scales": [1] * 3000},
        {"spatial_layers": 3000},
        {"enc_depth": [50, 51]},
        {"initial_downsample_stack_conv_num_conv_list": [[50], [51]]},
        {"context": 1001},
        {"image_shape": [1 << 20, 1, 1]},
        {"model": wrapped},
        {"a": [[{}] * 60, [{}] * 60]},
    ):
        with pytest.raises(ValueError, match="may have at most.*Received: "):
            check_sizes(arguments)
    large = {"image_shape": [1024, 1024, 1], "context": 10}
    check_sizes(large)
    with pytest.raises(ValueError, match="all frames. Received: 10,485,760"):
        check_sizes(large, any_size=False)
    check_sizes({"enc_depth": [50, 50], "scales": [1] * 100, "horizon": None})
    change(folder, horizon=10**9)
    with pytest.raises(ValueError, match=f"frames. Received.*in {folder}"):
        load_folder(folder)


@pytest.mark.backend_free
def test_texts_that_are_too_large_or_too_deep(folder):
    for name in ("config.json", "metadata.json"):
        path, whole = folder / name, (folder / name).read_bytes()
        large = " " * (10 << 20) + whole.decode()
        for text in ("[" * 100_000, '{"a":' * 100_000, large):
            path.write_text(text)
            with pytest.raises(ValueError, match=f"Received: .* in {path}"):
                load_folder(folder)
        path.write_bytes(whole)
    path = folder / "recipe.toml"
    for text in ("a = " + "[" * 100_000, "#" * (1 << 20) + "\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match=f"recipe .*Received: .*{path}"):
            load_folder(folder)
    path.write_text(RECIPE.replace("filters = 2", f"filters = {HUGE}"))
    with pytest.raises(ValueError, match=f"weights. Received: .* in {path}"):
        load_folder(folder, weights=False)
