"""Cases in which XLA is slow."""

import keras


def xla_is_slow():
    """Return whether XLA must stay off: on TensorFlow without a GPU."""
    # There XLA takes minutes to compile a convolution inside a loop, and the
    # result is slower than the plain graph.
    if keras.backend.backend() != "tensorflow":
        return False
    return not keras.distribution.list_devices("gpu")


def loop_gradients_are_slow():
    """Return whether gradients in a loop are slow: on JAX with a CPU."""
    if keras.backend.backend() != "jax":
        return False
    return all("cpu" in name for name in keras.distribution.list_devices())
