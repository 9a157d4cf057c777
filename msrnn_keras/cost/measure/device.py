"""Memory in use and matrix product speed of this machine."""

import contextlib
import gc
import os
import pathlib
import time
from importlib import metadata
from typing import Any, NamedTuple

import keras
from keras import ops

STATUS = pathlib.Path("/proc/self/status")
MATRIX_SIDES = (1024, 2048, 4096, 8192)
ENOUGH_SECONDS = 0.1  # for one matrix product


class Meter(NamedTuple):
    """Functions without arguments that read the memory in use, bytes."""

    name: str  # of the device
    held: Any  # now
    peak: Any  # the largest since `reset`
    reset: Any


class PeakMemory:
    """The peak of memory (of the allocator or the process) above that now."""

    def __init__(self):
        gc.collect()
        self._meter = _meter()
        self._meter.reset()
        self._held = self._meter.held()
        self.device = self._meter.name

    def peak(self):
        if self._held is None:
            return None
        # Linux counts the pages of threads late: the peak can be a bit low.
        return max(0, self._meter.peak() - self._held)


def device_name():
    """Return the name of the accelerator, or "CPU" with its cores."""
    return _meter().name


def version_of(package):
    """Return the version of a package, also of tensorflow-cpu and the like."""
    names = metadata.packages_distributions().get(package)
    return metadata.version(names[0]) if names else "of unknown version"


def _meter():
    return _ACCELERATORS[keras.backend.backend()]() or Meter(
        f"CPU, {os.cpu_count()} cores",
        lambda: _status("VmRSS"),
        lambda: _status("VmHWM"),
        _reset_process_peak,
    )


def _status(field):
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    sizes = dict(line.split(":", 1) for line in lines if ":" in line)
    return 1024 * int(sizes[field].split()[0]) if field in sizes else None


def _reset_process_peak():
    """Reset the peak of the process, if the kernel permits it."""
    with contextlib.suppress(OSError):  # else it counts from the start
        STATUS.with_name("clear_refs").write_text("5")


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
    cuda = torch.cuda
    read = cuda.memory_allocated, cuda.max_memory_allocated
    return Meter(cuda.get_device_name(), *read, cuda.reset_peak_memory_stats)


# Backend -> function that returns the `Meter` of a GPU, None without one.
_ACCELERATORS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def matrix_product_speed(dtype="float32"):
    """Measure operations per second of a matrix product of at least 0.1 s."""
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
