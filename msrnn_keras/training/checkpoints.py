"""Checkpoints: the whole state of a run after a training step."""

import dataclasses
import json
import os
import pathlib
import warnings
import zipfile
import zlib

import keras
import numpy as np

from msrnn_keras.utils.files import write_atomically

CHECKPOINT = "checkpoint.keras"
PREVIOUS = "previous.keras"


@dataclasses.dataclass(frozen=True)
class Position:
    """How far a run is.

    Args:
        epoch: Integer, epochs done.
        step: Integer, training steps of the next one done.
        seconds: Float, time that these steps took.
        means: Dict of floats, the training scores, means over these steps.
        cpu_seconds: Float, CPU time of the process for these steps.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    means: dict = dataclasses.field(default_factory=dict)
    cpu_seconds: float = 0.0


def save(run_dir, model, position):
    """Write the checkpoint; the one before it stays as `previous.keras`.

    The file is a Keras model with optimizer, counters and random states; the
    position is the comment of the archive. It is on the disk before it takes
    its place.

    Args:
        run_dir: Path of the run's directory.
        model: Compiled `keras.Model`.
        position: `Position`.

    Raises:
        FloatingPointError: If a number of the model or of its optimizer is
            not finite; the checkpoints stay as they were.
    """
    check_finite(model, position)
    path = pathlib.Path(run_dir) / CHECKPOINT

    def write(temporary):
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.comment = _encode(position)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            os.replace(path, path.with_name(PREVIOUS))

    write_atomically(path, write)


def find(run_dir):
    """The newest checkpoint that is whole.

    Args:
        run_dir: Path of the run's directory.

    Returns:
        `pathlib.Path`, or None where there is no checkpoint at all.

    Raises:
        OSError: If there are checkpoints and all are damaged.
    """
    damaged = []
    for name in (CHECKPOINT, PREVIOUS):
        path = pathlib.Path(run_dir) / name
        if path.exists():
            if is_whole(path):
                if damaged:
                    warnings.warn(
                        f"{damaged[0]} is damaged; the run goes on from "
                        f"{name}, the one before it.",
                        stacklevel=2,
                    )
                return path
            damaged.append(name)
    if damaged:
        raise OSError(
            f"{' and '.join(damaged)} cannot be read; bring them back from a "
            f"copy or start in another directory. Received: {str(run_dir)!r}"
        )
    return None


def restore(run_dir, steps):
    """Load the newest checkpoint that is whole.

    Args:
        run_dir: Path of the run's directory.
        steps: Integer, training steps of an epoch.

    Returns:
        Tuple of the compiled model and its `Position`, or None where there is
        no checkpoint.

    Raises:
        OSError: If there are checkpoints and all are damaged.
    """
    path = find(run_dir)
    if path is None:
        return None
    model = keras.saving.load_model(path)
    position = read_position(path)
    if position is None:  # Of a version that wrote one for each epoch alone.
        done = keras.ops.convert_to_numpy(model.optimizer.iterations)
        position = Position(int(done) // steps)
    return model, position


def read_position(path):
    """Return the `Position` of a checkpoint; None if it was written by 0.1."""
    with zipfile.ZipFile(path) as archive:
        return _decode(archive.comment)


def is_whole(path):
    """Whether every byte of a checkpoint is as it was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            _decode(archive.comment)
            return archive.testzip() is None
    except Exception:  # A damaged archive can fail in any way.
        return False


def check_finite(model, position):
    """Refuse a model with numbers that are not finite.

    Args:
        model: Compiled `keras.Model`.
        position: `Position`, for the message.

    Raises:
        FloatingPointError: If there are.
    """
    for variable in (*model.weights, *model.optimizer.variables):
        value = keras.ops.convert_to_numpy(variable)
        if not np.all(np.isfinite(value)):
            raise FloatingPointError(
                f"`{variable.path}` is no longer finite after "
                f"{describe(position)}; {CHECKPOINT} holds the last good "
                f"state, if any. Received: {np.sum(~np.isfinite(value))} of "
                f"{value.size} numbers that are not finite"
            )


def describe(position):
    """Where a run is, in words: epochs and steps from 1."""
    return f"step {position.step} of epoch {position.epoch + 1}"


def _encode(position):
    text = json.dumps(dataclasses.asdict(position))
    return json.dumps([zlib.crc32(text.encode()), text]).encode()


def _decode(comment):
    """The position in an archive's comment, or None if there is none."""
    if not comment:
        return None
    checksum, text = json.loads(comment)
    if zlib.crc32(text.encode()) != checksum:
        raise ValueError(f"The position is damaged. Received: {text}")
    return Position(**json.loads(text))
