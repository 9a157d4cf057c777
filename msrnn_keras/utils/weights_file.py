"""Check a weights file before a model reads it."""

import collections
import contextlib
import math
import os
import re
import zipfile

import h5py
import numpy as np

from msrnn_keras.utils.files import reserve

OVERHEAD = 4096  # bytes for the name of a weight, and more than that
INSIDE = "model.weights.h5"  # of a .keras file
FLOATS = ("float16", "bfloat16", "float32", "float64")
# Weights compress little. A file may claim so many times its bytes, and more.
RATIO, MORE = 10, 1 << 20
# Keras numbers the weights of layers; counters and seeds have names.
_WEIGHT = re.compile(r"(?!optimizer/).*/vars/\d+")


def save_weights(model, path):
    """Write the weights of a Keras model, if the disk has room for them."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer else [])]
    sizes = [
        math.prod(v.shape) * (8 if "64" in str(v.dtype) else 4)
        for v in variables
    ]
    reserve(path, sum(sizes) + OVERHEAD * len(sizes))
    model.save_weights(path)


def check_weights_file(path, shapes=None):
    """Refuse a weights or `.keras` file with a weight that is no number.

    Also one that claims far more bytes than it has or, given the `shapes` of a
    model's weights, has weights of others. No value is read before that.
    """
    try:
        problems = _problems_of_file(path, shapes)
    except Exception as error:  # Damaged files raise almost any error.
        raise OSError(
            f"The weights cannot be read ({error}). Received: {str(path)!r}"
        ) from error
    if problems:
        raise ValueError(
            f"Every weight must be a finite number, {', '.join(FLOATS)}, and "
            f"fit the model. Received: {', '.join(problems)} of {path}"
        )


def _problems_of_file(path, shapes):
    with contextlib.ExitStack() as stack:
        file = path
        if zipfile.is_zipfile(path):
            if problems := problems_of_archive(path):
                return problems
            archive = stack.enter_context(zipfile.ZipFile(path))
            file = stack.enter_context(archive.open(INSIDE))
        weights = _weights_in(stack.enter_context(h5py.File(file)))
        problems = _problems_of_sizes(weights, path)
        if shapes is not None and not problems:
            problems = _problems_of_shapes(weights, shapes)
        return problems or _problems_of_values(weights)


def problems_of_archive(path):
    """Return a list that says if a zip file claims more than it can hold."""
    with zipfile.ZipFile(path) as archive:
        claimed = sum(member.file_size for member in archive.infolist())
    return problems_of_claim(claimed, path)


def _weights_in(file):
    """Return a dict from the name of each weight to its data set."""
    weights = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and _WEIGHT.fullmatch(name):
            weights[name] = item

    file.visititems(visit)
    return weights


def problems_of_claim(claimed, path):
    """Return a list that says if a file claims more bytes than it can hold."""
    size = os.stat(path).st_size
    if claimed <= RATIO * size + MORE:
        return []
    return [f"a claim of {claimed:,} bytes in a file of {size:,} bytes"]


def _problems_of_sizes(weights, path):
    claimed = sum(item.nbytes for item in weights.values())
    elsewhere = [n for n, x in weights.items() if x.external or x.is_virtual]
    return [
        *problems_of_claim(claimed, path),
        *(f"{name} in another file" for name in elsewhere),
    ]


def _problems_of_shapes(weights, shapes):
    found, fit = (
        collections.Counter(map(tuple, given))
        for given in ((item.shape for item in weights.values()), shapes)
    )
    if found == fit:
        return []
    counts = [
        sum(math.prod(shape) * n for shape, n in given.items())
        for given in (found, fit)
    ]
    if counts[0] != counts[1]:
        return ["{:,} numbers instead of {:,}".format(*counts)]
    return [f"a weight of shape {shape}" for shape in (found - fit)][:1]


def _problems_of_values(weights):
    problems = []
    for name, item in weights.items():
        dtype = item.dtype.name
        if item.dtype.itemsize == 2 and item.dtype.kind == "V":
            dtype = item.attrs.get("dtype", dtype)
        if dtype not in FLOATS:
            problems.append(f"{name} of type {dtype}")
        elif not _finite(item[()], dtype):
            problems.append(f"NaN or infinity in {name}")
    return problems


def _finite(values, dtype):
    if dtype == "bfloat16":  # HDF5 stores only its bits.
        bits = np.ascontiguousarray(values).view("uint16").astype("uint32")
        values = (bits << 16).view("float32")
    return bool(np.isfinite(values).all())
