"""Data parallelism: each device trains on its shard of every batch.

The batch of the data set is the global batch, a multiple of the number of
devices. Steps, learning rate and gradients equal those of one device. On
PyTorch `run` or `torchrun` starts a process for each device. `TF_CONFIG` or
`torchrun` joins several machines; JAX supports one only. On TensorFlow and
PyTorch every device draws the same random numbers for its shard.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras

from msrnn_keras.distribution import jax, tensorflow, torch
from msrnn_keras.distribution.group import Group
from msrnn_keras.utils.checks import check_positive

__all__ = ["Group", "count", "run", "scope"]

BACKENDS = {"jax": jax, "tensorflow": tensorflow, "torch": torch}


def count(devices: int | None = None) -> int:
    """Return the number of devices that all processes train on.

    Args:
        devices: Integer, devices of this machine. None is 1, or the number of
            processes that `torchrun` started.

    Returns:
        Integer.

    Raises:
        ValueError: If `devices` is not positive, or not that number.

    Example:
    >>> count(2)
    2
    """
    if devices is not None:
        devices = check_positive("devices", devices)
    if keras.backend.backend() == "tensorflow":
        return tensorflow.count_workers() * (devices or 1)
    if keras.backend.backend() == "torch" and "WORLD_SIZE" in os.environ:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", devices or 1))
        if devices not in (None, local):
            raise ValueError(
                "`devices` must be the number of processes that torchrun "
                f"started here, {local}. Received: devices={devices}"
            )
        return int(os.environ["WORLD_SIZE"])
    return devices or 1


@contextlib.contextmanager
def scope(devices: int | None = None) -> Iterator[Group]:
    """Build, compile and fit a model in this context on several devices.

    Without a GPU, the CPU is divided into devices, on TensorFlow and JAX only
    before it is first used.

    Args:
        devices: Integer, devices of this machine; None is 1.

    Yields:
        `Group`.

    Raises:
        ValueError: If there are fewer devices than a positive `devices`.

    Example:
    >>> with scope(devices=2) as group:
    ...     model = recipe.build()
    ...     group.wrap(model).fit(group.shard(dataset))
    """
    if count(devices) == 1:
        yield Group()
        return
    with BACKENDS[keras.backend.backend()].scope(devices or 1) as group:
        yield group


def run(
    function: Callable[..., Any], *arguments: Any, devices: int | None = None
) -> Any:
    """Call a function in the scope of several devices.

    A script needs `if __name__ == "__main__":`, for processes of PyTorch.

    Args:
        function: Function of a `Group` and `arguments`, importable by name.
        *arguments: Further arguments; PyTorch pickles them.
        devices: As in `scope`.

    Returns:
        The function's result in this process.

    Raises:
        ValueError: As in `scope`.
        RuntimeError: If another process fails.

    Example:
    >>> run(train_my_model, "data.npz", devices=2)
    """
    alone = count(devices) == 1 or "WORLD_SIZE" in os.environ
    if keras.backend.backend() == "torch" and not alone:
        return torch.spawn(function, arguments, devices)
    with scope(devices) as group:
        return function(group, *arguments)
