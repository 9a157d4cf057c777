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

from msrnn_keras.presets.configuration import register_models
from msrnn_keras.utils.files import write_atomically

CHECKPOINT = "checkpoint.keras"
PREVIOUS = "previous.keras"


@dataclasses.dataclass(frozen=True)
class Position:
    """The progress of a run."""

    epoch: int = 0  # finished epochs
    step: int = 0  # finished training steps of the next epoch
    seconds: float = 0.0  # wall time of these steps
    means: dict = dataclasses.field(default_factory=dict)  # training scores
    cpu_seconds: float = 0.0  # CPU time of these steps


def save(run_dir, model, position):
    """Write a checkpoint and keep the last one as `previous.keras`."""
    _check_finite(model, position)
    path = pathlib.Path(run_dir) / CHECKPOINT
    text = json.dumps(dataclasses.asdict(position))
    comment = json.dumps([zlib.crc32(text.encode()), text]).encode()

    def write(temporary):
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.comment = comment
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            os.replace(path, path.with_name(PREVIOUS))

    write_atomically(path, write)


def find(run_dir):
    """Return the newest undamaged checkpoint; None if there is none at all."""
    damaged = []
    for name in (CHECKPOINT, PREVIOUS):
        path = pathlib.Path(run_dir) / name
        if path.exists():
            if is_whole(path):
                if damaged:
                    warnings.warn(
                        f"{damaged[0]} is damaged; the run resumes from "
                        f"{name}, the one before it.",
                        stacklevel=2,
                    )
                return path
            damaged.append(name)
    if damaged:
        raise OSError(
            f"{' and '.join(damaged)} cannot be read; restore them from a "
            f"backup or use another directory. Received: {str(run_dir)!r}"
        )
    return None


def restore(run_dir, steps):
    """Return model and `Position` of the newest checkpoint, or None."""
    path = find(run_dir)
    if path is None:
        return None
    register_models()
    model = keras.saving.load_model(path)
    position = read_position(path)
    if position is None:  # Early runs saved after whole epochs only.
        done = keras.ops.convert_to_numpy(model.optimizer.iterations)
        position = Position(int(done) // steps)
    return model, position


def read_position(path):
    """Return the `Position` of a checkpoint, or None if it stores none."""
    with zipfile.ZipFile(path) as archive:
        if not archive.comment:
            return None
        checksum, text = json.loads(archive.comment)
    if zlib.crc32(text.encode()) != checksum:
        raise ValueError(f"The position is damaged. Received: {text}")
    return Position(**json.loads(text))


def is_whole(path):
    """Return whether a checkpoint passes its checksums."""
    try:
        read_position(path)
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # A damaged archive can fail in any way.
        return False


def _check_finite(model, position):
    """Refuse a model or optimizer with numbers that are not finite."""
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
    """Return a position in words, counted from 1."""
    return f"step {position.step} of epoch {position.epoch + 1}"
