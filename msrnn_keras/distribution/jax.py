"""JAX: one process drives all devices of a machine."""

import contextlib

import keras

from msrnn_keras.distribution.group import Group, check_available


@contextlib.contextmanager
def scope(devices):
    """Place models built here on several devices; yield a `Group`."""
    import jax

    if jax.config.jax_num_cpu_devices < devices:
        with contextlib.suppress(RuntimeError):  # JAX is initialized already.
            jax.config.update("jax_num_cpu_devices", devices)
    available = keras.distribution.list_devices()
    check_available(devices, available)
    parallel = keras.distribution.DataParallel(devices=available[:devices])
    with parallel.scope():
        yield Group()
