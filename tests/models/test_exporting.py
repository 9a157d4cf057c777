"""Exported files forecast what the model forecasts."""

import pathlib
import sys

import keras
import numpy as np
import pytest

from msrnn_keras.models.step_inputs import StepInputs
from tests.descriptors import NETWORKS
from tests.reference import clips, randomize, tiny

BACKEND = keras.backend.backend()
on_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="ONNX comes from TensorFlow"
)
SIZE = (10, 14)
# Padding and scales; a warp; attention of tiles.
STACKS = {
    "ms-convlstm": {"scales": (1, 2, 1)},
    "convlstm": {"scales": (1, 1), "filters": 4, "motion": True},
    "preciplstm": {"scales": (1,), "attention_window": 4},
}


def small(name, **options):
    sizes = {"image_shape": (*SIZE, 1), "context": 2, "horizon": 2}
    model = tiny(name, **{**sizes, **STACKS.get(name, {}), **options})
    return randomize(model, 0.5)


def tau(**options):
    (descriptor,) = (x for x in NETWORKS if x.name == "tau")
    return descriptor.small(**options)


def onnx(path, *tensors):
    """The results of an ONNX file."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path)
    names = [x.name for x in session.get_inputs()]
    return session.run(None, dict(zip(names, tensors, strict=True)))


def assert_near(result, expected):
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)


@on_tensorflow
@pytest.mark.parametrize("name", ["ms-convlstm", "convlstm", "tau"])
def test_onnx_takes_any_batch_and_size(name, tmp_path):
    model = small(name) if name in STACKS else tau(horizon=2)
    path = model.export(tmp_path / "x.onnx", "onnx", verbose=False)
    for batch, size in ((1, SIZE), (2, (4, 8))):
        frames = clips(batch, 2, size)
        assert_near(*onnx(path, frames), model.predict(frames, verbose=0))


@on_tensorflow
@pytest.mark.parametrize("wrong", [1, 3])
def test_a_wrong_onnx_file_is_written_again(wrong, tmp_path, monkeypatch):
    """As tf2onnx writes now and then: one that fails, others that differ."""
    model = small("ms-convlstm", scales=(1,))
    other = small("ms-convlstm", scales=(1,))
    other.set_weights([2 * w for w in model.get_weights()])
    export, made = keras.Model.export, []

    def sometimes(given, path, *args, **kwargs):
        made.append(path)
        if len(made) == 1:
            pathlib.Path(path).write_bytes(b"no ONNX")
        else:
            one = other if len(made) <= wrong else given
            export(one, path, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "export", sometimes)
    path = tmp_path / "x.onnx"
    if wrong == 3:
        with pytest.raises(RuntimeError, match="Received: a relative diff"):
            model.export(path, "onnx", verbose=False)
        assert not list(tmp_path.iterdir())
    else:
        model.export(path, "onnx", verbose=False)
        frames = clips(1, 2, SIZE)
        assert_near(*onnx(path, frames), model.predict(frames, verbose=0))
    assert len(made) == wrong + (wrong == 1)


@on_tensorflow
def test_onnx_of_one_size_takes_any_time(tmp_path):
    model = small("preciplstm", missing="mask")
    given = {"size": SIZE, "verbose": False}
    path = model.export(tmp_path / "x.onnx", "onnx", **given)
    for length in (1, 2, 4):
        frames = clips(2, length, SIZE)
        frames[0, 0, 3:6, 4] = np.nan
        expected = model.predict(frames[:, :2], verbose=0)
        assert_near(*onnx(path, frames), expected)
    with pytest.raises(Exception, match="index: 2 Got: 8"):
        onnx(path, clips(2, 2, (8, 8)))


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch makes no SavedModel")
def test_saved_model(tmp_path):
    tf = pytest.importorskip("tensorflow")
    model = small("ms-convlstm", scales=(1,), patch_size=4)
    path = model.export(tmp_path / "new" / "x", verbose=False)
    loaded = tf.saved_model.load(str(path))
    for batch in (1, 2):
        frames = clips(batch, 2, SIZE)
        expected = model.predict(frames, verbose=0)
        assert_near(loaded.serve(frames).numpy(), expected)
    assert [x.name for x in (tmp_path / "new").iterdir()] == ["x"]


@pytest.mark.skipif(BACKEND != "torch", reason="only PyTorch makes it")
def test_torch_program(tmp_path):
    pytest.importorskip("keras", "3.15")
    import torch

    model = small("ms-convlstm", scales=(1,))
    path = model.export(tmp_path / "x.pt2", "torch", verbose=False)
    frames = clips(1, 2, SIZE)
    result = torch.export.load(path).module()(torch.tensor(frames))
    assert_near(result.detach(), model.predict(frames, verbose=0))


@on_tensorflow
def test_litert_file_of_one_clip(tmp_path):
    pytest.importorskip("keras", "3.13")
    import tensorflow as tf

    model = small("ms-convlstm", scales=(1,))
    path = model.export(tmp_path / "x.tflite", "litert", verbose=False)
    runner = tf.lite.Interpreter(str(path)).get_signature_runner()
    frames = clips(1, 2, SIZE)
    (result,) = runner(frames=frames).values()
    assert_near(result, model.predict(frames, verbose=0))


@on_tensorflow
def test_the_step_in_a_loop_forecasts_as_the_model(tmp_path):
    model = small("ms-predrnn", scales=(1, 2, 1))
    frames = clips(2, 3, SIZE)
    path = model.stream().export(tmp_path / "x.onnx", "onnx", verbose=False)
    states = model._stepper.start(2, SIZE)
    tensors, future = [None, *map(np.asarray, states)], []
    for frame in frames.swapaxes(0, 1):
        tensors = onnx(path, frame, *tensors[1:])
    for _ in range(4):
        future.append(tensors[0])
        tensors = onnx(path, *tensors)
    expected = model.forecast(frames, horizon=4)
    assert_near(np.stack(future, axis=1), expected)


@on_tensorflow
def test_a_saved_step_is_of_the_size_of_the_stream(tmp_path):
    import tensorflow as tf

    model = small("ms-convlstm")
    stream, frames = model.stream(), clips(1, 2, (8, 8))
    stream.update(frames[0, 0])
    path = stream.export(tmp_path / "x", verbose=False)
    loaded = tf.saved_model.load(str(path))
    states = model._stepper.start(1, (8, 8))
    for frame in frames.swapaxes(0, 1):
        prediction, *states = loaded.serve([frame, *states])
    expected = model.forecast(frames, horizon=1)
    assert_near(prediction.numpy()[None], expected)


def refused(model, path, *given, error=ValueError, match):
    with pytest.raises(error, match=match) as caught:
        model.export(path, *given)
    assert "Received: " in str(caught.value)
    assert not path.exists() or path.read_bytes() == b"old"


def test_what_a_backend_cannot_write_is_refused(tmp_path):
    model, others = (
        small("ms-convlstm", scales=(1,)),
        {
            "tensorflow": {"torch": "torch", "openvino": "torch"},
            "torch": {"tf_saved_model": "tensorflow", "onnx": "tensorflow"},
            "jax": {"onnx": "tensorflow", "litert": "tensorflow"},
        },
    )
    for format, backend in others[BACKEND].items():
        match = f"KERAS_BACKEND={backend} msrnn export"
        refused(model, tmp_path / "x", format, match=match)
    refused(model, tmp_path / "x", "gguf", match="must be one of 'tf_saved")
    assert not list(tmp_path.glob("x*"))


@pytest.mark.skipif(BACKEND == "jax", reason="it makes none of these formats")
def test_an_old_keras_is_refused(tmp_path, monkeypatch):
    model = small("ms-convlstm", scales=(1,))
    newer = {"tensorflow": ("litert", "3.13"), "torch": ("torch", "3.15")}
    format, least = newer[BACKEND]
    monkeypatch.setattr(keras, "__version__", "3.12.3")
    match = f"keras>={least}.*Received: format='{format}' with Keras 3.12.3"
    refused(model, tmp_path / "x", format, match=match)
    monkeypatch.setattr(keras, "__version__", f"{least}.0")
    refused(model, tmp_path / "x", format, match="must end in")


WRITABLE = {
    "tensorflow": ("onnx", "x.onnx"),
    "jax": ("tf_saved_model", "x"),
    "torch": ("torch", "x.pt2"),
}


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    model = small("ms-convlstm", scales=(1,))
    format, name = WRITABLE[BACKEND]
    if format == "torch":
        pytest.importorskip("keras", "3.15")
    path = tmp_path / name
    path.write_bytes(b"old")
    refused(
        *(model, path, format),
        error=FileExistsError,
        match="does not exist yet",
    )
    path.unlink()

    def half(model, path, *args, **kwargs):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(keras.Model, "export", half)
    with pytest.raises(OSError, match="full"):
        model.export(path, format)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(BACKEND != "torch", reason="needs no conversion")
def test_unsuitable_models_paths_and_sizes_are_refused(tmp_path, monkeypatch):
    pytest.importorskip("keras", "3.15")
    path, model = tmp_path / "x.pt2", small("ms-convlstm", scales=(1,))
    refused(model, tmp_path / "x", "torch", match="must end in .pt2")
    anywhere = small("ms-convlstm", scales=(1,), image_shape=(None, None, 1))
    refused(anywhere, path, "torch", match="`size` must be")
    for size in ((0, 8), (8.5, 8), (8,)):
        with pytest.raises(ValueError, match="`size` must be.*Received: size="):
            model.export(path, "torch", size=size)
    monkeypatch.setitem(sys.modules, "openvino", None)
    refused(
        *(model, tmp_path / "x.xml", "openvino"),
        error=ImportError,
        match=r"pip install \"msrnn-keras\[openvino\]",
    )
    stream = tau().stream()
    with pytest.raises(ValueError, match="no step: export it whole"):
        stream.export(path, "torch")
    half = small("ms-convlstm", scales=(1,), dtype="mixed_bfloat16")
    monkeypatch.setitem(sys.modules, "openvino", pytest)
    refused(half, tmp_path / "x.xml", "openvino", match="float32 only")
    with pytest.raises(ValueError, match="takes no states"):
        model.stream().export(tmp_path / "x.xml", "openvino")


@on_tensorflow
def test_the_step_takes_covariates_and_noise(tmp_path):
    model = small("ms-convlstm", noise=True, covariates=2)
    past, known = clips(2, 2, SIZE), clips(2, 3, SIZE, 2, seed=1)
    stream, given = model.stream(), {"size": SIZE, "verbose": False}
    path = stream.export(tmp_path / "x.onnx", "onnx", **given)
    extras, samples = StepInputs(1, 0, known), np.arange(2)
    shapes = model._stepper.cell.state_shapes(SIZE)[1:]
    states = [np.zeros((2, *shape), "float32") for shape in shapes]
    ahead = None
    for step in range(3):
        frame = past[:, step] if step < 2 else ahead
        inputs = (frame, *extras.at(step, samples, SIZE), *states)
        ahead, *states = onnx(path, *inputs)
    assert_near(ahead, model.predict((past, known), verbose=0)[:, 1])
