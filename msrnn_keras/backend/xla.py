"""What XLA is slow at."""

import keras


def xla_is_slow():
    """Whether XLA must stay off: TensorFlow without a GPU.

    There XLA takes minutes to compile a convolution inside a loop, and the
    result is slower than the plain graph.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    return not keras.distribution.list_devices("gpu")


def loop_gradients_are_slow():
    """Whether a convolution's gradient is slow inside a loop: JAX on a CPU."""
    if keras.backend.backend() != "jax":
        return False
    return all("cpu" in name for name in keras.distribution.list_devices())
