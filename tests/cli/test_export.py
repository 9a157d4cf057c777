import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()


@pytest.mark.skipif(BACKEND != "torch", reason="writes a PyTorch program")
def test_export_writes_a_model_once(tmp_path, run, refuse, library):
    pytest.importorskip("keras", "3.15")
    torch = pytest.importorskip("torch")
    out = tmp_path / "new" / "x.pt2"
    command = ["export", "ms-convlstm/mnist/tiny", "--format", "torch"]
    command += ["--out", out]
    printed = run(*command, "--size", "12x16")
    assert printed == f"Wrote {out}.\n"
    frames = np.random.default_rng(0).random((1, 2, 12, 16, 1), "float32")
    result = torch.export.load(out).module()(torch.tensor(frames)).detach()
    model = library.load("ms-convlstm/mnist/tiny")
    expected = model.predict(frames, verbose=0)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)
    refuse("does not exist yet", *command)
    step = tmp_path / "step.pt2"
    run(*command[:-1], step, "--step")
    inputs = torch.export.load(step).module()
    assert len(inputs([torch.zeros(1, 32, 32, 1), *states(model)])) == 3


def states(model):
    return model._stepper.start(1, (32, 32))


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow writes ONNX")
def test_export_names_the_backend_that_does_it(tmp_path, refuse):
    out = tmp_path / "x.onnx"
    command = ["export", "ms-convlstm/mnist/tiny", "--format", "onnx"]
    line = "KERAS_BACKEND=tensorflow msrnn export … --format onnx"
    refuse(line, *command, "--out", out)
    assert not list(tmp_path.iterdir())
