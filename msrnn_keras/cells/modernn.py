"""MoDeRNN."""

from typing import Any

import keras
from keras import ops

from msrnn_keras.cells.convlstm import ConvLSTMCell, State
from msrnn_keras.layers.summed_conv import SummedConv
from msrnn_keras.utils.typing import Config, Shape, Step, Tensor

ROUNDS = 5
KERNEL_SIZES = (3, 5, 7)  # of the convolutions whose mean is taken


@keras.saving.register_keras_serializable(package="msrnn_keras")
class MoDeRNNCell(ConvLSTMCell):
    """MoDeRNN cell: input and hidden state scale each other before a ConvLSTM.

    Five rounds, each on the latest x and h, with kernels of sizes 3, 5 and 7:

        1, 3, 5:  x <- 2 sigmoid((Q_3 * h + Q_5 * h + Q_7 * h) / 3) x
        2, 4:     h <- 2 sigmoid((R_3 * x + R_5 * x + R_7 * x) / 3) h

    The step of `ConvLSTMCell` on the final x and h follows. `*` is a 'same'
    convolution. States: `h`, `c`, each `(batch, height, width, filters)`.

    Args:
        filters, **kwargs: As in `ConvRNNCell`.
        kernel_size: Integer, kernel size of the ConvLSTM step, pixels.

    Example:
    >>> outputs = msrnn_keras.ConvRNN(msrnn_keras.MoDeRNNCell(8))(frames)

    Reference: Chai et al., "MoDeRNN", 2021, arXiv:2110.12978.
    """

    checkpoint_names: Config = {
        **ConvLSTMCell.checkpoint_names,
        "h_to_x.convs.0": "conv33_H",
        "h_to_x.convs.1": "conv55_H",
        "h_to_x.convs.2": "conv77_H",
        "x_to_h.convs.0": "conv33_X",
        "x_to_h.convs.1": "conv55_X",
        "x_to_h.convs.2": "conv77_X",
    }

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        super().build(inputs_shape, states_shape)
        x, h = inputs_shape[-1], self.filters
        self.h_to_x = self._mean_conv(x, "h_to_x", h, recurrent=True)
        self.x_to_h = self._mean_conv(h, "x_to_h", x)

    def _mean_conv(self, filters, name, channels, recurrent=False):
        """Return the mean of the convolutions of all kernel sizes."""
        options = {"dtype": self.dtype_policy, "name": name}
        options["conv_options"] = self.conv_options(recurrent)
        share = 1 / len(KERNEL_SIZES)
        conv = SummedConv(filters, KERNEL_SIZES, share, **options)
        conv.build((None, None, None, channels))
        return conv

    def step(self, x: Tensor, states: Any) -> Step:
        x, h = modulate(x, states.h, self.h_to_x, self.x_to_h)
        return super().step(x, State(h, states.c))


def modulate(x, h, h_to_x, x_to_h):
    """Scale input and hidden state by each other, in alternating rounds."""
    for index in range(ROUNDS):
        # A sum: TensorFlow keeps the factors of a product for the gradient.
        if index % 2 == 0:
            half = ops.sigmoid(h_to_x(h)) * x
            x = half + half
        else:
            half = ops.sigmoid(x_to_h(x)) * h
            h = half + half
    return x, h
