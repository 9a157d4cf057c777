"""Forecast from frames as they arrive, with NumPy and ONNX Runtime alone.

    KERAS_BACKEND=tensorflow msrnn export ms-convlstm/mnist \
        --format onnx --step --size 64x64 --out step.onnx
    python onnx_stream.py step.onnx frames.npy 10 forecast.npy

`frames.npy` holds floats, (time, height, width, channels).
"""

import sys

import numpy as np
import onnxruntime


def loop(session, frames, horizon):
    """Return the next `horizon` frames, of the shape of `frames`."""
    inputs = session.get_inputs()  # the frame, then the states
    names = [x.name for x in inputs]
    tensors = [np.zeros((1, *x.shape[1:]), "float32") for x in inputs]
    for frame in frames:  # each step returns the next frame and the new states
        tensors[0] = frame[None].astype("float32")
        tensors = session.run(None, dict(zip(names, tensors, strict=True)))
    future = tensors[:1]
    for _ in range(horizon - 1):  # a prediction is the next frame
        tensors = session.run(None, dict(zip(names, tensors, strict=True)))
        future.append(tensors[0])
    return np.concatenate(future)


if __name__ == "__main__":
    step, frames, horizon, out = sys.argv[1:]
    session = onnxruntime.InferenceSession(step)
    np.save(out, loop(session, np.load(frames), int(horizon)))
