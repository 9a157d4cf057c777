"""The loop over time: warm-up, forecast, scheduled sampling."""

import functools
import itertools
from typing import Any, NamedTuple

import keras
from keras import ops

from msrnn_keras.backend.precision import like
from msrnn_keras.cells.base import ConvRNNCell
from msrnn_keras.layers.conv_rnn import ConvRNN
from msrnn_keras.layers.kernels import cached_kernels
from msrnn_keras.layers.rematerialization import check_remat, rematerialized


class StepCell(ConvRNNCell):
    """One time step of the stack as a cell.

    The channels of its input are the frame, covariates, noise and a flag.
    """

    def __init__(self, wiring, image_channels, remat=None, **kwargs):
        check_remat(remat)
        super().__init__(filters=image_channels, kernel_size=1, **kwargs)
        self.wiring = wiring
        self.model = wiring.graph((None, None, image_channels))
        self.cells = wiring.cells
        self.remat = remat
        for cell in self.cells:
            cell.remat = remat == "layer"
        names = [name for name, *_ in wiring.states((None, None))]
        places = enumerate(names)
        self._distances = [i for i, x in places if x.startswith("distance_")]

    @property
    def decoupled(self):
        """Whether the cells compute decoupling distances."""
        return bool(self._distances)

    def input_shapes(self, image_shape):
        """Return the shapes of the inputs of the graph, without batch."""
        frame, *states = self.state_shapes(image_shape)
        extras = self.wiring.extras.values()
        return [frame, *((*image_shape, n) for n in extras), *states]

    @property
    def state_inputs(self):
        """The inputs of the graph for the states, as `state_shapes`."""
        frame, *others = self.model.inputs
        return [frame, *others[len(self.wiring.extras) :]]

    @property
    def state_size(self):
        return [shape[-1] for shape in self.state_shapes((None, None))]

    def state_shapes(self, image_shape):
        states = self.wiring.states(image_shape)
        return [(*image_shape, self.filters), *(state[2] for state in states)]

    @property
    def state_dtypes(self):
        states = self.wiring.states((None, None))
        return [self.variable_dtype, *(state[3] for state in states)]

    def call(self, inputs, states, training=None):
        advance = functools.partial(self._advance, training=training)
        if training and self.remat == "step":
            states = rematerialized(self, advance, inputs, *states)
        else:
            states = advance(inputs, *states)
        output = states.pop() if self.decoupled else states[0]
        return output, states

    def _advance(self, inputs, previous, *states, training):
        """Return the new states and, with decoupling, the flat output."""
        sizes = [self.filters, *self.wiring.extras.values(), 1]
        ends = list(itertools.accumulate(sizes))
        given, *extras, is_given = (
            inputs[..., end - size : end]
            for size, end in zip(sizes, ends, strict=True)
        )
        frame = ops.where(is_given > 0.5, like(given, previous), previous)
        inputs = [frame, *extras, *states]
        prediction, *states = self.model(inputs, training=training)
        new = [prediction, *states]
        if self.decoupled:
            parts = [prediction, *(states[i] for i in self._distances)]
            flat = [ops.reshape(x, (ops.shape(x)[0], -1)) for x in parts]
            new.append(ops.concatenate(flat, axis=-1))
        return new

    def distances(self, states):
        """Return the distances `(batch, layers, filters)` of a step."""
        maps = [states[index] for index in self._distances]
        return ops.concatenate(maps, axis=1)[:, :, 0]

    def unpack(self, outputs, image_shape):
        """Split the outputs of all steps into predictions and distances."""
        if not self.decoupled:
            return outputs, None
        batch, steps, _ = ops.shape(outputs)
        layers = len(self._distances)
        count = layers * self.cells[0].filters
        frames = (batch, steps, *image_shape, self.filters)
        distances = (batch, steps, layers, -1)
        predictions = ops.reshape(outputs[..., :-count], frames)
        return predictions, ops.reshape(outputs[..., -count:], distances)


class Rollout(keras.layers.Layer):
    """Repeats the step over time: past frames in, future frames out.

    With `members`, every clip is forecast that many times, each with its own
    noise, and the forecast has an axis of members after the batch.
    """

    def __init__(
        self,
        cell,
        context,
        horizon,
        sampling=None,
        decoupling_weight=0.0,
        members=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.members = members
        self.rnn = ConvRNN(
            cell, return_sequences=True, dtype=self.dtype_policy, name="loop"
        )
        self.context, self.horizon, self.sampling = context, horizon, sampling
        self.decoupling_weight, self._warmup = decoupling_weight, None
        if sampling is not None or members:
            self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        several = isinstance(input_shape[0], (list, tuple))
        *shape, channels = input_shape[0] if several else input_shape
        extras = sum(self.rnn.cell.wiring.extras.values())
        self.rnn.build((*shape, channels + extras + 1))
        if self.sampling is not None:
            options = {"initializer": "zeros", "dtype": "int32"}
            options |= {"trainable": False, "name": "training_step"}
            self.counter = self.add_weight(shape=(), **options)

    def call(self, inputs, training=False):
        frames, *covariates = keras.tree.flatten(inputs)
        if self.members:
            frames = ops.repeat(frames, self.members, axis=0)
            covariates = [ops.repeat(x, self.members, 0) for x in covariates]
        span = self._span(frames)
        given = frames[:, : span.given if training else span.past]
        is_given = self._draw(frames, span, training)
        extras = [x[:, : span.steps] for x in covariates]
        if self.members:
            shape = (*ops.shape(is_given), *ops.shape(frames)[2:4], 1)
            options = {"dtype": frames.dtype, "seed": self.seed_generator}
            extras.append(keras.random.normal(shape, **options))
        given = _joined(given, extras, is_given)
        with cached_kernels(self.rnn.cell):
            outputs = self.rnn(given, training=training)
        outputs = ops.cast(outputs, self.variable_dtype)
        image_shape = ops.shape(frames)[2:4]
        predictions, distances = self.rnn.cell.unpack(outputs, image_shape)
        if training:
            self._warmup = self._grouped(predictions[:, : span.past - 1])
            if self.decoupling_weight:
                total = ops.sum(distances, axis=(2, 3))
                self.add_loss(self.decoupling_weight * ops.mean(total))
        return self._grouped(predictions[:, span.past - 1 :])

    def _grouped(self, predictions):
        """Split the batch into clips and members, if there are members."""
        if not self.members:
            return predictions
        samples, *shape = ops.shape(predictions)
        shape = (samples // self.members, self.members, *shape)
        return ops.reshape(predictions, shape)

    def pop_warmup(self):
        """Return and forget the warm-up predictions of the last training."""
        warmup, self._warmup = self._warmup, None
        return warmup

    def save_own_variables(self, store):
        if self.sampling is not None:
            store["training_step"] = self.counter
        if self.sampling is not None or self.members:
            store["seed"] = self.seed_generator.state

    def load_own_variables(self, store):
        # A preset has neither. Then the schedule starts again.
        if self.sampling is not None and "training_step" in store:
            self.counter.assign(store["training_step"])
        if (self.sampling is not None or self.members) and "seed" in store:
            self.seed_generator.state.assign(store["seed"])

    def _span(self, frames):
        """Return the numbers of frames and steps for an input."""
        length = ops.shape(frames)[1]
        past = _minimum(length, self.context)
        steps = past + self.horizon - 1
        return Span(past, _minimum(length, steps), steps)

    def _draw(self, frames, span, training):
        """Return which inputs are given frames, `(batch, steps)`."""
        batch = ops.shape(frames)[0]
        time = ops.arange(span.steps)
        if not training or self.sampling is None:
            return ops.broadcast_to(time < span.past, (batch, span.steps))
        context_rate, horizon_rate = self.sampling.rates(self.counter.value)
        rate = ops.where(time < 1, 1.0, ops.cast(context_rate, "float32"))
        later = ops.cast(horizon_rate, "float32")
        rate = ops.where(time < span.past, rate, later)
        rate = ops.where(time < span.given, rate, 0.0)
        options = {"dtype": "float32", "seed": self.seed_generator}
        draw = keras.random.uniform((batch, span.steps), **options)
        self.counter.assign_add(1)
        return draw < rate

    def compute_output_spec(self, inputs, training=False):
        frames, *_ = keras.tree.flatten(inputs)
        members = (self.members,) if self.members else ()
        shape = (frames.shape[0], *members, self.horizon, *frames.shape[2:])
        return keras.KerasTensor(shape, dtype=self.variable_dtype)


class Span(NamedTuple):
    """Numbers of frames: integers, or scalar tensors if unknown."""

    past: Any  # frames of the past
    given: Any  # input frames that can enter
    steps: Any  # steps of the loop


def _minimum(a, b):
    """Return the smaller of two integers or scalar tensors."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return ops.minimum(a, b)


def _joined(given, extras, is_given):
    """Append zeros after the last frame; join frames, extras and the flag."""
    batch, steps = ops.shape(is_given)
    _, length, height, width, channels = ops.shape(given)
    shape = (batch, steps - length, height, width, channels)
    missing = ops.zeros(shape, dtype=given.dtype)
    frames = ops.concatenate([given, missing], axis=1)
    flag = ops.cast(is_given, given.dtype)[:, :, None, None, None]
    flag = ops.broadcast_to(flag, (batch, steps, height, width, 1))
    extras = [ops.cast(x, given.dtype) for x in extras]
    return ops.concatenate([frames, *extras, flag], axis=-1)
