import keras

from msrnn_keras import Forecaster
from tests.reference import short


@keras.saving.register_keras_serializable(package="tests")
class OneConvolution(Forecaster):
    """One convolution over the stacked frames of the context."""

    architectures = ("one-convolution", "ms-convlstm")

    def __init__(
        self,
        image_shape=(16, 16, 1),
        context=4,
        horizon=3,
        kernel_size=3,
        missing=None,
        dtype=None,
        name=None,
    ):
        frames = self.frames_input(image_shape, dtype, any_size=True)
        past = keras.ops.unstack(frames[:, :context], context, axis=1)
        x = keras.layers.Concatenate()(past)
        x = keras.layers.Conv2D(horizon, kernel_size, padding="same")(x)
        super().__init__(
            frames,
            keras.ops.moveaxis(x[..., None], 3, 1),
            image_shape=image_shape,
            context=context,
            horizon=horizon,
            missing=missing,
            dtype=dtype,
            name=name,
        )
        self.kernel_size = kernel_size

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


def one_convolution(**options):
    keras.utils.set_random_seed(7)
    return OneConvolution(**options)


MAKERS = {"without states": one_convolution, "with states": short}
