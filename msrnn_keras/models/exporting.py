"""Files for inference elsewhere: SavedModel, ONNX, LiteRT, OpenVINO, PyTorch.

Keras writes them; this module chooses the shapes, refuses what fails, and
leaves no half-written file.
"""

import contextlib
import logging
import os
import shutil
import uuid
import warnings
from pathlib import Path
from typing import NamedTuple

import keras

from msrnn_keras.utils.arguments import check_path, check_size
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.files import check_can_write

ALL, BATCH, NONE = "all", "batch", "none"  # the axes that may vary
TRIES, SIDE = 3, 32  # of an ONNX file, and the pixels of its trial


class Format(NamedTuple):
    """A file format and what makes it."""

    title: str
    suffix: str  # of its path, which Keras wants
    free: dict  # backend -> which axes may vary
    needs: tuple = ()  # a module, and the extra that installs it
    half: bool = False  # whether it has models that are not float32
    steps: bool = True  # whether the step of a stream works
    keras: tuple = ()  # its oldest version that makes it


FORMATS = {
    "tf_saved_model": Format(
        *("A SavedModel", "", {"tensorflow": ALL, "jax": BATCH}),
        ("tensorflow", "tensorflow"),
        half=True,
    ),
    "onnx": Format(
        *("An ONNX file", ".onnx", {"tensorflow": ALL}, ("tf2onnx", "export"))
    ),
    "litert": Format(
        "A LiteRT file", ".tflite", {"tensorflow": NONE}, keras=(3, 13)
    ),
    "openvino": Format(
        *("An OpenVINO file", ".xml", {"torch": NONE}),
        ("openvino", "openvino"),
        steps=False,
    ),
    "torch": Format(
        *("A PyTorch program", ".pt2", {"torch": NONE}),
        half=True,
        keras=(3, 15),
    ),
}


def export_model(model, path, format, verbose, signature, size, **options):
    """Write a forecaster; see `Forecaster.export`."""
    if model.noise or model.covariates:
        raise ValueError(
            "A model with noise or covariates cannot be exported whole: export "
            "its step, `model.stream().export(…)`, which takes them as inputs. "
            f"Received: noise={model.noise}, covariates={model.covariates}"
        )
    path = check_path("path", path)
    if size is not None:
        size = check_size("size", size)
    free = _check(model, path, format)
    if signature is None:
        frames = model.inputs[0]
        _, time, *known, channels = frames.shape
        if free != ALL:
            time = model.context
            size = size or check_size("size", model.image_shape[:2])
        if size is not None:
            known = size
        shape = (_batch(free), time, *known, channels)
        signature = [_spec(shape, frames)]
    return _write(model, path, format, verbose, signature, options)


def export_step(model, path, format, size, verbose, **options):
    """Write the step of a model with states; see `Stream.export`."""
    path, size = check_path("path", path), check_size("size", size)
    free = _check(model, path, format)
    if not model.has_states:
        raise ValueError(
            "This model has no states, so it has no step: export it whole, "
            f"model.export(…), and give it the last {model.context} frames. "
            f"Received: {type(model).__name__}"
        )
    if not FORMATS[format].steps:
        raise ValueError(
            f"{FORMATS[format].title} takes no states: export the step with "
            f"format='onnx', from TensorFlow. Received: format={format!r}"
        )
    cell = model._stepper.cell
    shapes = [(_batch(free), *x) for x in cell.input_shapes(tuple(size))]
    signature = [list(map(_spec, shapes, cell.model.inputs))]
    return _write(cell.model, path, format, verbose, signature, options)


def _batch(free):
    """Return the first axis of an input."""
    return 1 if free == NONE else None


def _spec(shape, tensor):
    """Return the specification of an input of a graph."""
    return keras.InputSpec(shape=shape, dtype=tensor.dtype, name=tensor.name)


def check_file(path, format):
    """Refuse what no model can be written to; return which axes may vary."""
    if not isinstance(format, str) or format not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(map(repr, FORMATS))}. "
            f"Received: format={format!r}"
        )
    row, backend = FORMATS[format], keras.backend.backend()
    if backend not in row.free:
        names = " or ".join(row.free)
        first = next(iter(row.free))
        raise ValueError(
            f"{row.title} comes from {names}: "
            f'pip install "msrnn-keras[{first}]", then '
            f"KERAS_BACKEND={first} msrnn export … --format {format}. "
            f"Received: format={format!r} on {backend}"
        )
    if row.needs:
        require(*row.needs)
    if tuple(map(int, keras.__version__.split(".")[:2])) < row.keras:
        least = ".".join(map(str, row.keras))
        raise ValueError(
            f'{row.title} needs a newer Keras: pip install "keras>={least}". '
            f"Received: format={format!r} with Keras {keras.__version__}"
        )
    if Path(path).suffix != row.suffix and row.suffix:
        raise ValueError(
            f"The path must end in {row.suffix} for format={format!r}. "
            f"Received: {str(path)!r}"
        )
    for file in _files(path):
        if os.path.lexists(file):
            raise FileExistsError(
                f"Choose a path that does not exist yet. Received: {file}"
            )
    check_can_write(Path(path).parent)
    return row.free[backend]


def _check(model, path, format):
    """Refuse what fails or is there; return which axes may vary."""
    free, row = check_file(path, format), FORMATS[format]
    policy = model.dtype_policy.name
    if policy != "float32" and not row.half:
        raise ValueError(
            f"{row.title} has float32 only: load the model with "
            f"dtype='float32'. Received: dtype={policy!r}"
        )
    return free


def _files(path):
    """Return the files that an export writes, the named one last."""
    path = Path(path).expanduser()
    return [path.with_suffix(".bin")] * (path.suffix == ".xml") + [path]


def _write(model, path, format, verbose, signature, options):
    """Write by Keras to a new folder beside the path, then move it there."""
    *others, path = _files(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.mkdir(parents=True)
    file = temporary / path.name
    options = {"input_signature": signature, "verbose": False, **options}
    try:
        with _quiet():
            if format == "onnx":
                _write_onnx(model, file, signature, options)
            else:
                keras.Model.export(model, str(file), format, **options)
        for file in (*others, path):
            (temporary / file.name).rename(file)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if verbose or verbose is None:
        print(f"Wrote {path}.")
    return path


def _write_onnx(model, file, signature, options):
    """Write an ONNX file that computes what the model does."""
    from msrnn_keras.backend import onnx

    onnx.register()
    time = getattr(model, "context", None)
    shapes = [_shape(spec, time) for spec in keras.tree.flatten(signature)]
    for _ in range(TRIES):
        keras.Model.export(model, str(file), "onnx", **options)
        fault = onnx.fault(file, model, shapes)
        if fault is None:
            return
    raise RuntimeError(
        f"{TRIES} ONNX files of {model.name!r} did not compute what the model "
        "does; try again, or use format='tf_saved_model'. "
        f"Received: {fault}"
    )


def _shape(spec, time):
    """Return a shape of arrays for a trial: two clips of small frames."""
    free = [2, time, SIDE, SIDE] if len(spec.shape) == 5 else [2, SIDE, SIDE]
    free += [None] * len(spec.shape)
    return [x or y for x, y in zip(spec.shape, free, strict=False)]


@contextlib.contextmanager
def _quiet():
    """Silence the notes of the converters."""
    loggers = list(map(logging.getLogger, ("tf2onnx", "tensorflow", "absl")))
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
