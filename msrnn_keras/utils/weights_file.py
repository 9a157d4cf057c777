"""Check a weights file before a model reads it."""

import contextlib
import re
import zipfile

import h5py
import numpy as np

INSIDE = "model.weights.h5"  # of a .keras file
FLOATS = ("float16", "bfloat16", "float32", "float64")
# Keras numbers the weights of layers; counters and seeds have names.
_WEIGHT = re.compile(r"(?!optimizer/).*/vars/\d+")


def check_weights_file(path):
    """Refuse a weights or `.keras` file with a weight that is no number."""
    # Keras casts whatever it reads to the type of the model's weights.
    problems = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and _WEIGHT.fullmatch(name):
            dtype = item.dtype.name
            if item.dtype.itemsize == 2 and item.dtype.kind == "V":
                dtype = item.attrs.get("dtype", dtype)
            if dtype not in FLOATS:
                problems.append(f"{name} of type {dtype}")
            elif not _finite(item[()], dtype):
                problems.append(f"NaN or infinity in {name}")

    try:
        with contextlib.ExitStack() as stack:
            file = path
            if zipfile.is_zipfile(path):
                archive = stack.enter_context(zipfile.ZipFile(path))
                file = stack.enter_context(archive.open(INSIDE))
            stack.enter_context(h5py.File(file)).visititems(visit)
    except OSError as error:
        raise OSError(
            f"The weights cannot be read ({error}). Received: {str(path)!r}"
        ) from error
    if problems:
        raise ValueError(
            f"Every weight must be a finite number, {', '.join(FLOATS)}. "
            f"Received: {', '.join(problems)} of {path}"
        )


def _finite(values, dtype):
    if dtype == "bfloat16":  # HDF5 stores only its bits.
        bits = np.ascontiguousarray(values).view("uint16").astype("uint32")
        values = (bits << 16).view("float32")
    return bool(np.isfinite(values).all())
