"""What the packages import, and what the distribution holds."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import msrnn_keras

ROOT = Path(__file__).parent.parent
BACKENDS = ("tensorflow", "jax", "torch")
# The files of msrnn_keras that may import a backend.
BACKEND_FILES = (
    "backend/compiled_step.py",
    "backend/threads.py",
    "cost/measure/device.py",
    "data/tf_data.py",
    "distribution/jax.py",
    "distribution/tensorflow.py",
    "distribution/torch.py",
    "presets/torch_checkpoints.py",
)
# What is imported by the function that needs it, never before.
HEAVY = (
    *BACKENDS,
    "matplotlib",
    "tensorflow_datasets",
    "keras_tuner",
    "PIL",
    "av",
    "cv2",
    "huggingface_hub",
    "imageio",
    "lpips",
    "pyproj",
    "pysteps",
    "skimage",
    "xarray",
)

IMPORT = f"""
import sys
import keras
before = set(sys.modules)
import msrnn_keras, zoo
print(sorted(set({HEAVY}) & (set(sys.modules) - before)))
"""

IMPORT_WITHOUT_TENSORFLOW = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
import keras, numpy, msrnn_keras, zoo
model = msrnn_keras.create("convlstm", image_shape=(4, 4, 1), filters=1)
past = numpy.zeros((1, 2, 4, 4, 1), "float32")
assert "tensorflow" not in sys.modules
print(keras.backend.backend(), model.predict(past, verbose=0).shape)
"""


def run_python(code, backend):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.backend_free
def test_importing_is_light(backend):
    assert run_python(IMPORT, backend) == "[]"


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.backend_free
def test_works_without_tensorflow(backend):
    last_line = run_python(IMPORT_WITHOUT_TENSORFLOW, backend)
    assert last_line == f"{backend} (1, 10, 4, 4, 1)"


def imports(source):
    """Yields the packages a source imports, and whether inside a function."""

    def visit(node, inside):
        inside = inside or isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef
        )
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], inside
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0], inside
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return visit(ast.parse(source), False)


def test_the_scan_sees_imports():
    source = """
import jax.numpy as jnp, numpy
from . import torch
class A:
    from PIL import Image
    def f(self):
        if self:
            from tensorflow.data import Dataset
"""
    assert list(imports(source)) == [
        ("jax", False),
        ("numpy", False),
        ("PIL", False),
        ("tensorflow", True),
    ]


def test_heavy_imports_are_inside_functions():
    found = [
        (path.relative_to(ROOT).as_posix(), package)
        for folder in ("msrnn_keras", "zoo")
        for path in (ROOT / folder).rglob("*.py")
        for package, inside in imports(path.read_text(encoding="utf-8"))
        if package in HEAVY and not inside
    ]
    assert found == []


def test_backends_are_imported_in_their_files_alone():
    folder = ROOT / "msrnn_keras"
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for package, _ in imports(path.read_text(encoding="utf-8"))
        if package in BACKENDS
    }
    assert found == set(BACKEND_FILES)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of a copy with two stub presets."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info", "presets")
    for name in ("msrnn_keras", "zoo"):
        shutil.copytree(ROOT / name, copy / name, ignore=skip)
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, copy)
    for variant in ("small", "large"):
        weights = f"zoo/presets/ms-convlstm/mnist/{variant}/1/model.weights.h5"
        (copy / weights).parent.mkdir(parents=True)
        (copy / weights).write_bytes(b"stub")
    command = "pip wheel --quiet --no-deps --no-build-isolation --no-index"
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "-w", folder, copy],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_is_named_by_the_version(wheel):
    name = f"msrnn_keras-{msrnn_keras.__version__}-py3-none-any.whl"
    assert Path(wheel.filename).name == name


def test_wheel_holds_every_module(wheel):
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in ("msrnn_keras", "zoo")
        for path in (ROOT / folder).rglob("*.py")
    }
    packed = {name for name in wheel.namelist() if name.endswith(".py")}
    assert packed == modules


def test_wheel_holds_the_data(wheel):
    packed = {
        name
        for name in wheel.namelist()
        if not name.endswith(".py") and ".dist-info/" not in name
    }
    recipes = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "zoo/recipes").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert packed == recipes | {
        "msrnn_keras/data/datasets/README.md",
        "msrnn_keras/data/datasets/digits.npz",
        "zoo/long_streams.json",
        "zoo/manifest.json",
        "zoo/presets/ms-convlstm/mnist/small/1/model.weights.h5",
    }


def test_wheel_metadata(wheel):
    info = f"msrnn_keras-{msrnn_keras.__version__}.dist-info"
    entry_points = wheel.read(f"{info}/entry_points.txt").decode()
    assert "msrnn = msrnn_keras.cli.main:main" in entry_points
    licence = wheel.read(f"{info}/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "Requires-Python: >=3.11" in metadata
    extras = {
        line.removeprefix("Provides-Extra: ")
        for line in metadata.splitlines()
        if line.startswith("Provides-Extra: ")
    }
    assert extras == {
        "jax",
        "torch",
        "video",
        "radar",
        "hub",
        "lpips",
        "test",
        "dev",
    }
