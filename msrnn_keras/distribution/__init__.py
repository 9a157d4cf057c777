"""Data parallelism: each device trains on its share of every batch.

The batch that the data set gives is the global one; its size must be a
multiple of the number of devices. On TensorFlow and JAX one process drives
all devices of a machine, and `model.fit` shares the batches out. On PyTorch
each device has a process, started by `run` or by `torchrun`. This serves all
three:

    with distribution.scope(devices=2) as group:
        model = msrnn_keras.create("ms-convlstm")
        model.compile("adam", loss=msrnn_keras.losses.FrameL1L2Loss())
        group.prepare(model).fit(group.share(dataset))

Several machines: on TensorFlow `TF_CONFIG` names the workers, on PyTorch
`torchrun` starts the processes; each runs the same command. JAX: one machine.

Steps, learning rate and gradients are those of one device with the global
batch. Random draws (scheduled sampling) are so on JAX alone: on TensorFlow
and PyTorch every device draws the same numbers for its share.
"""

import contextlib
import os

import keras

from msrnn_keras.distribution import jax, tensorflow, torch
from msrnn_keras.distribution.group import Group
from msrnn_keras.utils.checks import check_positive

BACKENDS = {"jax": jax, "tensorflow": tensorflow, "torch": torch}


def count(devices=None):
    """On how many devices in all the processes would train.

    Args:
        devices: Integer, devices of this machine; None is 1, or what
            `torchrun` started.

    Returns:
        Integer.

    Raises:
        ValueError: If `devices` is not a positive integer, or not the number
            of processes `torchrun` started on this machine.
    """
    if devices is not None:
        check_positive("devices", devices)
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
def scope(devices=None):
    """Build, compile and fit a model in here to train it on several devices.

    CPUs are divided into as many devices as asked for where there is no GPU;
    on TensorFlow and JAX that is possible only before they are first used.

    Args:
        devices: Integer, devices of this machine: GPUs where there are, else
            CPUs. None is 1.

    Yields:
        `Group`.

    Raises:
        ValueError: If there are fewer devices, or `devices` is not a positive
            integer.

    Example:
    >>> with scope(devices=2) as group:
    ...     model = msrnn_keras.create("ms-convlstm")
    ...     model.compile("adam", loss="mse")
    ...     group.prepare(model).fit(group.share(dataset))
    """
    if count(devices) == 1:
        yield Group()
        return
    with BACKENDS[keras.backend.backend()].scope(devices or 1) as group:
        yield group


def run(function, *arguments, devices=None):
    """Call a function in the scope of several devices.

    On PyTorch this process is the first of the group and starts the others,
    which import the main module again: a script that calls this needs
    `if __name__ == "__main__":`.

    Args:
        function: Function of a `Group` and `arguments`, known by its name in
            a module.
        *arguments: Further arguments; PyTorch pickles them.
        devices: As in `scope`.

    Returns:
        What the function returns in this process.

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
