import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.reference import clips, randomize, short

SCRIPT = pathlib.Path(__file__).parents[2] / "examples" / "onnx_stream.py"
# Neither Keras nor this package can be imported.
RUN = (
    "import runpy, sys; sys.modules.update(keras=None, msrnn_keras=None);"
    "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="ONNX is of TensorFlow"
)
def test_the_loop_without_keras_equals_forecast(tmp_path):
    model = randomize(short("ms-convlstm"), 0.5)
    options = {"size": (10, 14), "verbose": False}
    model.stream().export(tmp_path / "step.onnx", "onnx", **options)
    frames = clips(1, 5, (10, 14))
    np.save(tmp_path / "frames.npy", frames[0])
    command = [sys.executable, "-c", RUN, SCRIPT]
    command += ["step.onnx", "frames.npy", "6", "out.npy"]
    subprocess.run(command, cwd=tmp_path, check=True, env={**os.environ})
    expected = model.forecast(frames, horizon=6)[0]
    assert np.abs(expected).max() > 0.05
    result = np.load(tmp_path / "out.npy")
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)
