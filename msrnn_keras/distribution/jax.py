"""JAX: one process drives the devices of a machine."""

import contextlib

import keras

from msrnn_keras.distribution.group import Group, check_available


@contextlib.contextmanager
def scope(devices):
    """What is built in here is on that many devices; yields a `Group`."""
    import jax

    if jax.config.jax_num_cpu_devices < devices:
        with contextlib.suppress(RuntimeError):  # JAX has begun.
            jax.config.update("jax_num_cpu_devices", devices)
    available = keras.distribution.list_devices()
    check_available(devices, available)
    parallel = keras.distribution.DataParallel(devices=available[:devices])
    with parallel.scope():
        yield Group()
