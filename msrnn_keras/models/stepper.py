"""Stepper: runs a compiled time step over past frames and predictions."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.backend.compiled_step import LayersSetup, compiled_step


class Stepper:
    """Runs the step of a `StepCell`, compiled for any number of frames."""

    def __init__(self, cell):
        self.cell = cell
        self._step = self._setup = None

    def refresh(self):
        """Compile the step again if its layers have changed."""
        setup = LayersSetup(self.cell.model)
        if setup != self._setup:
            self._step, self._setup = compiled_step(self.cell.model), setup

    def start(self, batch, image_shape):
        """Return zero states for a batch of frames; refresh the step."""
        self.refresh()
        shapes = self.cell.state_shapes(tuple(image_shape))[1:]
        types = [x.dtype for x in self.cell.model.inputs[1:]]
        # From NumPy: JAX would compile zeros for each shape.
        zeros = (np.zeros((batch, *shape), "float32") for shape in shapes)
        return list(map(ops.convert_to_tensor, zeros, types))

    def advance(self, frame, states):
        """Return the next frame and the new states, by the refreshed step."""
        dtype = self.cell.model.inputs[0].dtype
        if isinstance(frame, np.ndarray):
            frame = ops.convert_to_tensor(frame, dtype=dtype)
        prediction, *states = self._step([frame, *states])
        return prediction, states

    def run(self, frames, steps, pick, batch_size=None, verbose=0):
        """Step through the frames, then feed the predictions back.

        `pick(step, prediction, states)` returns a tensor to collect, or None.
        """
        size = 32 if batch_size is None else batch_size
        starts = range(0, len(frames), size)
        bar = keras.utils.Progbar(len(starts), verbose=verbose)
        results = []
        for start in starts:
            batch = np.asarray(frames[start : start + size])
            results.append(self._run_batch(batch, steps, pick))
            bar.add(1)
        return np.concatenate(results)

    def _run_batch(self, frames, steps, pick):
        """Run all steps of one batch and return what was picked."""
        count, length, *image_shape, _ = frames.shape
        frames = _padded(frames)
        states = self.start(len(frames), image_shape)
        picked, prediction = [], None
        for step in range(steps):
            frame = frames[:, step] if step < length else prediction
            prediction, states = self.advance(frame, states)
            chosen = pick(step, prediction, states)
            if chosen is not None:
                picked.append(chosen)
        arrays = [ops.convert_to_numpy(x)[:count] for x in picked]
        return np.stack(arrays, axis=1).astype(self.cell.variable_dtype)


def _padded(frames):
    """Pad the batch to a power of two, so that JAX reuses a compiled step."""
    if keras.backend.backend() != "jax":
        return frames
    count = len(frames)
    missing = (1 << (count - 1).bit_length()) - count
    zeros = np.zeros((missing, *frames.shape[1:]), frames.dtype)
    return np.concatenate([frames, zeros])
