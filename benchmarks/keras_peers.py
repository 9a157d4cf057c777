"""A plain Keras loop over other cells, as a reference."""

import itertools

import keras
from keras import ops

import msrnn_keras
from msrnn_keras.backend.xla import xla_is_slow
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.models.step_graph import sources


def conv_lstm_2d_cell(filters, kernel_size):
    """Return the cell of `keras.layers.ConvLSTM2D`."""
    return keras.layers.ConvLSTM2D(filters, kernel_size, padding="same").cell


class StepCell(keras.layers.Layer):
    """One time step of a stack of Keras cells with states h and c.

    The last channel of the input says whether the frame is read (1) or the
    previous prediction (0).
    """

    def __init__(self, cells, image_shape, scales, skips, **kwargs):
        super().__init__(**kwargs)
        *self.size, self.channels = image_shape
        self.cells, self.scales, self.skips = cells, scales, skips
        self.filters = cells[0].filters
        self.embed = keras.layers.Conv2D(self.filters, 1)
        self.head = keras.layers.Conv2D(self.channels, 1)
        self.resampled = {
            pair: msrnn_keras.layers.Resample(*pair)
            for pair in itertools.permutations({1, *scales}, 2)
            if max(pair) % min(pair) == 0
        }
        # `keras.layers.RNN` needs a number for each state.
        self.state_size = [1] * (2 * len(scales) + 1)
        self.output_size = 1

    def build(self, shape):
        self.embed.build((None, *self.size, self.channels))
        self.head.build((None, *self.size, self.filters))
        for cell, (height, width) in zip(self.cells, self._maps(), strict=True):
            cell.build((None, height, width, self.filters))

    def _maps(self):
        return [[n // scale for n in self.size] for scale in self.scales]

    def get_initial_state(self, batch_size=None):
        shapes = [(*self.size, self.channels)]
        for size in self._maps():
            shapes += [(*size, self.filters)] * 2
        dtype = self.compute_dtype
        return [ops.zeros((batch_size, *s), dtype=dtype) for s in shapes]

    def call(self, inputs, states):
        previous, *states = states
        frame, is_given = inputs[..., :-1], inputs[..., -1:]
        x = self.embed(ops.where(is_given > 0.5, frame, previous))
        x = self._resample(x, 1, self.scales[0])
        outputs, new = [], []
        for layer, cell in enumerate(self.cells):
            if layer:
                x = self._gather(outputs, layer)
            x, own = cell(x, states[2 * layer : 2 * layer + 2])
            outputs.append(x)
            new += own
        frame = self.head(self._resample(x, self.scales[-1], 1))
        return frame, [frame, *new]

    def _gather(self, outputs, layer):
        chosen = sources(layer, len(self.cells), self.skips)
        return sum(
            self._resample(outputs[j], self.scales[j], self.scales[layer])
            for j in chosen
        )

    def _resample(self, x, source, target):
        return x if source == target else self.resampled[source, target](x)


class KerasLoop(keras.Model):
    """All predictions, `(batch, context + horizon - 1, …)`, of past frames."""

    def __init__(self, step, horizon):
        super().__init__()
        self.loop = keras.layers.RNN(step, return_sequences=True)
        self.horizon = horizon
        self.supports_jit = not xla_is_slow()

    def build(self, shape):
        *shape, channels = shape
        self.loop.build((*shape, channels + 1))

    def call(self, past):
        given = ops.concatenate([past, ops.ones_like(past[..., :1])], axis=-1)
        later = ((0, 0), (0, self.horizon - 1), (0, 0), (0, 0), (0, 0))
        return self.loop(ops.pad(given, later))


def keras_loop(
    make_cell,
    image_shape,
    scales,
    horizon,
    filters=64,
    kernel_size=3,
    dtype="float32",
):
    """Return a compiled `KerasLoop`; sets the dtype policy of the process."""
    keras.config.set_dtype_policy(dtype)
    skips = "none" if set(scales) == {1} else "add"
    cells = [make_cell(filters, kernel_size) for _ in scales]
    model = KerasLoop(StepCell(cells, image_shape, scales, skips), horizon)
    model.build((None, None, *image_shape))
    model.compile("adam", loss=FrameL1L2Loss())
    return model
