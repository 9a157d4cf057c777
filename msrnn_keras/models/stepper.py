"""Stepper: runs a compiled time step over past frames and predictions."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.backend.compiled_step import LayersSetup, compiled_step
from msrnn_keras.models.step_inputs import StepInputs


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
        types = [x.dtype for x in self.cell.state_inputs[1:]]
        # From NumPy: JAX would compile zeros for each shape.
        zeros = (np.zeros((batch, *shape), "float32") for shape in shapes)
        return list(map(ops.convert_to_tensor, zeros, types))

    def advance(self, frame, states, extras=()):
        """Return the next frame and the new states, by the refreshed step.

        `extras` are the arrays of `StepInputs.at`.
        """
        dtype = self.cell.model.inputs[0].dtype
        inputs = [
            ops.convert_to_tensor(x, dtype) if isinstance(x, np.ndarray) else x
            for x in (frame, *extras)
        ]
        prediction, *states = self._step([*inputs, *states])
        return prediction, states

    def run(self, frames, steps, pick, batch_size=None, verbose=0, extras=None):
        """Step through the frames, then feed the predictions back.

        `pick(step, prediction, states)` returns a tensor to collect, or None.
        With members in `extras`, `StepInputs`, the result has their axis.
        """
        extras, frames = extras or StepInputs(), np.asarray(frames)
        size = 32 if batch_size is None else batch_size
        count = len(frames) * extras.count
        starts = range(0, count, size)
        bar = keras.utils.Progbar(len(starts), verbose=verbose)
        results = []
        for start in starts:
            samples = np.arange(start, min(start + size, count))
            results.append(
                self._run_batch(frames, samples, steps, pick, extras)
            )
            bar.add(1)
        return extras.grouped(np.concatenate(results))

    def _run_batch(self, frames, samples, steps, pick, extras):
        """Run all steps of some samples and return what was picked."""
        _, length, *size, _ = frames.shape
        count, samples = len(samples), _padded(samples)
        clips = samples // extras.count
        states = self.start(len(samples), size)
        picked, prediction = [], None
        for step in range(steps):
            known = step < length
            frame = frames[clips, step] if known else prediction
            given = extras.at(step, samples, size)
            prediction, states = self.advance(frame, states, given)
            chosen = pick(step, prediction, states)
            if chosen is not None:
                picked.append(chosen)
        arrays = [ops.convert_to_numpy(x)[:count] for x in picked]
        return np.stack(arrays, axis=1).astype(self.cell.variable_dtype)


def _padded(samples):
    """Pad to a power of two of samples: JAX compiles a step for each count."""
    if keras.backend.backend() != "jax":
        return samples
    size = 1 << (len(samples) - 1).bit_length()
    return np.pad(samples, (0, size - len(samples)), mode="edge")
