"""When XLA is to be used."""

import keras


def xla_is_slow():
    """Whether XLA must stay off: TensorFlow without a GPU.

    There XLA takes minutes to compile a convolution inside a loop, and the
    result is slower than the plain graph.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    return not keras.distribution.list_devices("gpu")
