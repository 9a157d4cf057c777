"""What the machine at hand holds, and how fast it multiplies."""

import gc
import os
import pathlib
import time
from typing import Any, NamedTuple

import keras
from keras import ops

STATUS = pathlib.Path("/proc/self/status")
MATRIX_SIDES = (1024, 2048, 4096, 8192)
ENOUGH_SECONDS = 0.1  # for one matrix product


class Meter(NamedTuple):
    """How much memory is held. Functions without arguments, bytes."""

    name: str  # the device
    held: Any  # now
    peak: Any  # at most, since `reset`
    reset: Any


class PeakMemory:
    """Peak of the memory from now on, above what is held now.

    On an accelerator, the figure of the backend's own allocator; else the
    resident memory of the process, which only Linux tells.

    Example:
    >>> memory = PeakMemory()
    >>> model.train_on_batch(x, y)
    >>> memory.peak()
    83886080
    """

    def __init__(self):
        gc.collect()
        self._meter = _meter()
        self._meter.reset()
        self._held = self._meter.held()

    @property
    def device(self):
        """Name of the device whose memory it is."""
        return self._meter.name

    def peak(self):
        """Bytes, or None where they are not known."""
        if self._held is None:
            return None
        # Linux sums the pages of threads late: the peak can be a little less.
        return max(0, self._meter.peak() - self._held)


def _meter():
    accelerator = _ACCELERATORS[keras.backend.backend()]()
    if accelerator is not None:
        return accelerator
    return Meter(
        f"CPU, {os.cpu_count()} cores",
        lambda: _status("VmRSS"),
        lambda: _status("VmHWM"),
        _forget_process_peak,
    )


def _status(field):
    """Bytes from the line of a field in the process's status."""
    if not STATUS.exists():
        return None
    for line in STATUS.read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == field:
            return 1024 * int(rest.split()[0])
    return None


def _forget_process_peak():
    """Let the peak begin anew, where the kernel permits it."""
    try:
        STATUS.with_name("clear_refs").write_text("5")
    except OSError:
        pass  # The peak then counts from the start of the process.


def _tensorflow():
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return None
    device = tf.config.list_physical_devices("GPU")[0]
    details = tf.config.experimental.get_device_details(device)
    memory = tf.config.experimental.get_memory_info
    return Meter(
        details.get("device_name", device.name),
        lambda: memory("GPU:0")["current"],
        lambda: memory("GPU:0")["peak"],
        lambda: tf.config.experimental.reset_memory_stats("GPU:0"),
    )


def _jax():
    import jax

    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return None
    return Meter(
        device.device_kind,
        lambda: device.memory_stats()["bytes_in_use"],
        lambda: device.memory_stats()["peak_bytes_in_use"],
        lambda: None,  # JAX counts from the start of the process.
    )


def _torch():
    import torch

    if not torch.cuda.is_available():
        return None
    return Meter(
        torch.cuda.get_device_name(),
        torch.cuda.memory_allocated,
        torch.cuda.max_memory_allocated,
        torch.cuda.reset_peak_memory_stats,
    )


_ACCELERATORS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def matrix_product_speed(dtype="float32"):
    """Floating-point operations per second of a large matrix product.

    The best of a few products, of matrices as large as it takes to make one
    last; through Keras, in the backend's own default precision for the type
    (on a GPU, float32 may be multiplied as TensorFloat-32).

    Args:
        dtype: String, the type of the matrices.

    Returns:
        Float, operations per second.
    """
    best = 0.0
    for side in MATRIX_SIDES:
        matrix = ops.ones((side, side), dtype=dtype)
        seconds = min(_product_seconds(matrix) for _ in range(4))
        best = max(best, 2 * side**3 / seconds)
        if seconds > ENOUGH_SECONDS:
            break
    return best


def _product_seconds(matrix):
    start = time.perf_counter()
    product = ops.matmul(matrix, matrix)
    float(ops.cast(product[0, 0], "float32"))  # waits for the result
    return time.perf_counter() - start
