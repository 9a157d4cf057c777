"""MoDeRNN."""

import keras
from keras import ops

from msrnn_keras.cells.convlstm import ConvLSTMCell, State
from msrnn_keras.layers.summed_conv import SummedConv

ROUNDS = 5
KERNEL_SIZES = (3, 5, 7)  # of the convolutions of which the mean is taken


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MoDeRNNCell(ConvLSTMCell):
    """MoDeRNN cell: input and hidden state scale each other before a ConvLSTM.

    With `*` a 'same' convolution and kernels of the sizes 3, 5 and 7, five
    rounds, each on the latest x and h:

        1, 3, 5:  x <- 2 sigmoid((Q_3 * h + Q_5 * h + Q_7 * h) / 3) x
        2, 4:     h <- 2 sigmoid((R_3 * x + R_5 * x + R_7 * x) / 3) h

    Then the step of `ConvLSTMCell` on the final x and h.

    States: `h`, `c`, each `(batch, height, width, filters)`.

    Args:
        filters: Integer, channels of the output and of each state.
        kernel_size: Integer, side of the square convolution kernels of the
            ConvLSTM step, pixels.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, …).

    Raises:
        ValueError: If `filters` or `kernel_size` is not a positive integer.

    Example:
    >>> layer = msrnn_keras.ConvRNN(msrnn_keras.MoDeRNNCell(8))
    >>> layer(keras.ops.zeros((2, 5, 16, 16, 1))).shape
    (2, 16, 16, 8)

    Reference:
        Chai et al., "MoDeRNN: Towards Fine-grained Motion Details for
        Spatiotemporal Predictive Learning", 2021, arXiv:2110.12978.
    """

    input_layers = ()
    checkpoint_names = {
        **ConvLSTMCell.checkpoint_names,
        "h_to_x.convs.0": "conv33_H",
        "h_to_x.convs.1": "conv55_H",
        "h_to_x.convs.2": "conv77_H",
        "x_to_h.convs.0": "conv33_X",
        "x_to_h.convs.1": "conv55_X",
        "x_to_h.convs.2": "conv77_X",
    }

    def build(self, inputs_shape, states_shape=None):
        super().build(inputs_shape, states_shape)
        self.h_to_x = self._summed_conv(inputs_shape[-1], "h_to_x")
        self.h_to_x.build((*inputs_shape[:3], self.filters))
        self.x_to_h = self._summed_conv(self.filters, "x_to_h")
        self.x_to_h.build(inputs_shape)

    def _summed_conv(self, filters, name):
        return SummedConv(
            filters,
            KERNEL_SIZES,
            factor=1 / len(KERNEL_SIZES),
            dtype=self.dtype_policy,
            name=name,
        )

    def step(self, x, states):
        x, h = modulate(
            x,
            states.h,
            self.h_to_x,
            self.x_to_h,
        )
        return super().step(x, State(h, states.c))


def modulate(x, h, h_to_x, x_to_h):
    """Rounds in which input and hidden state scale each other in turn.

    Args:
        x: Tensor `(batch, height, width, channels)`, the input.
        h: Tensor `(batch, height, width, filters)`, the hidden state.
        h_to_x: Function of h that gives a map of the shape of x.
        x_to_h: Function of x that gives a map of the shape of h.

    Returns:
        Tuple `(x, h)`.
    """
    for index in range(ROUNDS):
        if index % 2 == 0:
            x = _twice(ops.sigmoid(h_to_x(h)) * x)
        else:
            h = _twice(ops.sigmoid(x_to_h(x)) * h)
    return x, h


def _twice(x):
    return x + x
