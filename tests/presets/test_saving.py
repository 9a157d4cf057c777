import json

import keras
import numpy as np
import pytest

from msrnn_keras import MSStack, ScheduledSampling
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.presets import saving
from msrnn_keras.presets.loading import build, load_preset
from msrnn_keras.presets.saving import save_preset
from tests.disk import full
from tests.presets_fixtures import assert_same_weights, datasets, predict
from tests.reference import tiny
from tools.publishing.preset_files import write_model, write_preset

SIZES = {"image_shape": (8, 6, 2), "context": 3, "filters": 2, "scales": (1,)}


@pytest.fixture
def trained(past):
    """A model with an optimizer, random draws and counters."""
    sampling = ScheduledSampling.linear(10)
    model = MSStack("convlstm", **SIZES, horizon=1, sampling=sampling)
    model.compile(keras.optimizers.SGD(0.25), loss=FrameL1L2Loss(name="mine"))
    model.fit(past, past[:, -1:], verbose=0)
    return model


def test_a_saved_model_is_loaded_again(tmp_path, trained, past):
    folder = save_preset(trained, tmp_path / "new" / "mine")
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "metadata.json", "model.weights.h5"}
    loaded = load_preset(folder, True, MSStack)
    expected = predict(trained, past)
    np.testing.assert_allclose(predict(loaded, past), expected, atol=1e-6)
    assert loaded.sampling is None and loaded.value_range is None
    assert isinstance(loaded.loss, FrameL1L2Loss) and loaded.loss.name == "mine"
    rate = keras.ops.convert_to_numpy(loaded.optimizer.learning_rate)
    np.testing.assert_allclose(rate, 0.25)
    predict(loaded, 255 * past)
    loaded.value_range = (0.0, 2.0)
    again = load_preset(save_preset(loaded, tmp_path / "again"))
    assert again.value_range == (0.0, 2.0)


def test_a_model_of_mixed_precision(tmp_path, metadata):
    model = MSStack("convlstm", **SIZES, missing="mask", dtype="mixed_bfloat16")
    plain = load_preset(save_preset(model, tmp_path / "plain"))
    assert plain.loss is keras.losses.mean_squared_error
    model.compile(loss=keras.losses.mean_absolute_error)
    loaded = load_preset(save_preset(model, tmp_path / "mine"))
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    assert loaded.loss is keras.losses.mean_absolute_error
    assert_same_weights(loaded, model)
    # It is published in float32.
    write_model(tmp_path, model, metadata, saving.DEFAULT_COMPILE)
    config = json.loads((tmp_path / "config.json").read_text())
    loaded = build(config, tmp_path / "model.weights.h5")
    assert loaded.dtype_policy.name == "float32"
    assert_same_weights(loaded, model)


@pytest.mark.backend_free
def test_options_of_the_convolutions_are_kept(tmp_path):
    options = {
        "recurrent_initializer": keras.initializers.RandomNormal(stddev=0.1),
        "kernel_regularizer": keras.regularizers.L2(0.5),
        "bias_constraint": keras.constraints.MaxNorm(3.0),
    }
    model = MSStack("convlstm", **SIZES, **options)
    loaded = load_preset(save_preset(model, tmp_path / "mine"))
    assert loaded.get_config() == model.get_config()
    np.testing.assert_allclose(
        *(keras.ops.convert_to_numpy(m.losses[0]) for m in (model, loaded)),
        rtol=1e-5,
    )


@pytest.mark.backend_free
def test_the_state_of_training_is_not_saved(tmp_path, metadata, trained):
    compile = {"loss": FrameL1L2Loss(name="other"), "learning_rate": 0.5}
    folder = write_preset(tmp_path, trained, metadata, "", compile)
    stored = datasets(folder / "model.weights.h5")
    total = sum(values.size for values in stored.values())
    assert total == sum(w.numpy().size for w in trained.trainable_weights)
    loaded = load_preset(folder)
    assert loaded.sampling is None and loaded.loss.name == "other"
    assert_same_weights(loaded, trained)


@keras.saving.register_keras_serializable(package="tests")
class FrameConvolution(keras.Model):
    """One convolution, whose weights exist from the first call on."""

    def __init__(self, image_shape, context, horizon, kernel_size=3, **kwargs):
        super().__init__(**kwargs)
        self.image_shape, self.context = image_shape, context
        self.horizon, self.kernel_size = horizon, kernel_size
        self.convolution = keras.layers.Conv2D(
            image_shape[-1], kernel_size, padding="same"
        )

    def get_config(self):
        names = ("image_shape", "context", "horizon", "kernel_size", "name")
        return {name: getattr(self, name) for name in names}

    def call(self, frames):
        last = self.convolution(frames[:, -1])
        return keras.ops.stack([last] * self.horizon, axis=1)


class UnregisteredModel(FrameConvolution):
    pass


@pytest.mark.parametrize("called", [True, False])
def test_a_model_from_outside_the_package(tmp_path, past, called):
    model = FrameConvolution((8, 6, 2), context=3, horizon=2, kernel_size=5)
    if called:
        predict(model, past)
    folder = save_preset(model, tmp_path / "mine")
    loaded = load_preset(folder, horizon=3)
    assert isinstance(loaded, FrameConvolution)
    assert (loaded.horizon, loaded.kernel_size) == (3, 5)
    np.testing.assert_allclose(
        predict(loaded, past)[:, :2], predict(model, past), atol=1e-6
    )
    with pytest.raises(ValueError, match="Received: a preset of FrameConvol"):
        load_preset(folder, True, MSStack)


@pytest.mark.backend_free
def test_a_model_that_cannot_be_saved(tmp_path, trained, monkeypatch):
    folder = tmp_path / "mine"
    other = UnregisteredModel((8, 6, 2), context=3, horizon=2)
    with pytest.raises(ValueError, match="registered model.*Received: "):
        save_preset(other, folder)
    with monkeypatch.context() as patch:
        patch.setattr(saving, "write_weights", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            save_preset(trained, folder)
    trained.compile("sgd", loss=lambda y_true, y_pred: y_pred)
    with pytest.raises(ValueError, match="loss of Keras.*Received: "):
        save_preset(trained, folder)
    assert list(tmp_path.iterdir()) == []
    folder.mkdir()
    with pytest.raises(FileExistsError, match="Received: .*mine"):
        save_preset(trained, folder)


@pytest.mark.backend_free
def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    model = tiny(horizon=1001)
    with pytest.raises(ValueError, match="most 1,000 frames. Received: 1,001"):
        save_preset(model, tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.backend_free
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_full_disk_leaves_nothing_of_a_preset(
    tmp_path, model, metadata, dtype
):
    compile = {"loss": "mae", "learning_rate": 0.002}
    arguments = tmp_path, model, metadata, "# Card\n", compile, dtype
    with full(), pytest.raises(OSError, match="is full.*Received: "):
        write_preset(*arguments)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    with full(), pytest.raises(OSError, match="is full.*Received: "):
        save_preset(model, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    assert write_preset(*arguments).is_dir()
