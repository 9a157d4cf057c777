"""Forecasts, step by step, of any number of clips, frames and steps."""

import keras
import numpy as np
from keras import ops

from msrnn_keras.backend.compiled_step import (
    compiled_step,
    compiles_for_each_shape,
    layers_setup,
)
from msrnn_keras.utils.checks import LIMIT


class Stepper:
    """Runs the step of a stack over past frames and on into the future.

    The step is compiled, not the loop, so that any number of past and future
    frames costs no further compilation. Where another shape would need one
    (JAX), batches are filled up to a power of two.

    Args:
        cell: `msrnn_keras.models.rollout.StepCell`, one step of the stack.
    """

    def __init__(self, cell):
        self.cell = cell
        self.value_range = None
        self._step = None
        self._setup = None

    def refresh(self):
        """Compile the step anew if its layers have changed since.

        `start` and `run` do so themselves.

        Returns:
            The compiled step, the same object until there is a change.
        """
        setup = layers_setup(self.cell.model)
        if setup != self._setup:
            self._step = compiled_step(self.cell.model)
            self._setup = setup
        return self._step

    @property
    def limits(self):
        """Tuple, the least and the greatest value of a given frame."""
        if self.value_range is not None:
            return self.value_range
        # A greater number is infinite in float16.
        most = 65504.0 if self.cell.compute_dtype == "float16" else LIMIT
        return (-most, most)

    def start(self, batch, image_shape):
        """Zero states, for a step that is up to date.

        Args:
            batch: Integer, number of samples.
            image_shape: Tuple `(height, width)`, pixels.

        Returns:
            List of arrays.
        """
        self.refresh()
        shapes = self.cell.state_shapes(tuple(image_shape))[1:]
        types = [x.dtype for x in self.cell.model.inputs[1:]]
        # From NumPy: JAX would compile zeros of each shape.
        return [
            ops.convert_to_tensor(
                np.zeros((batch, *shape), "float32"), dtype=dtype
            )
            for shape, dtype in zip(shapes, types, strict=True)
        ]

    def advance(self, frame, states):
        """One time step, with the step of the last `refresh`.

        Args:
            frame: Array or tensor `(batch, height, width, channels)`.
            states: List of tensors.

        Returns:
            Tuple of the next frame and the list of new states.
        """
        dtype = self.cell.model.inputs[0].dtype
        if isinstance(frame, np.ndarray):
            frame = ops.convert_to_tensor(frame, dtype=dtype)
        prediction, *states = self._step([frame, *states])
        return prediction, states

    def run(self, frames, steps, pick, batch_size=None, verbose=0):
        """Go through the frames and on with the predictions.

        Args:
            frames: Array `(samples, time, height, width, channels)`, the past.
            steps: Integer, time steps in all, `time` or more.
            pick: Function of the number of the step, the prediction and the
                list of states that gives a tensor to return, or None.
            batch_size: Integer, samples computed at a time; None is 32.
            verbose: 0, or 1 for a progress bar.

        Returns:
            Array `(samples, picked, …)`.
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
        count, length, *image_shape, _ = frames.shape
        frames = _filled_up(frames)
        states = self.start(len(frames), image_shape)
        picked, prediction = [], None
        for step in range(steps):
            frame = frames[:, step] if step < length else prediction
            prediction, states = self.advance(frame, states)
            chosen = pick(step, prediction, states)
            if chosen is not None:
                picked.append(chosen)
        dtype = self.cell.variable_dtype
        arrays = [ops.convert_to_numpy(x)[:count] for x in picked]
        return np.stack(arrays, axis=1).astype(dtype)


def _filled_up(frames):
    """The clips, and zeros up to a number that need not be compiled anew."""
    count = len(frames)
    if not compiles_for_each_shape():
        return frames
    missing = (1 << (count - 1).bit_length()) - count
    zeros = np.zeros((missing, *frames.shape[1:]), frames.dtype)
    return np.concatenate([frames, zeros])
