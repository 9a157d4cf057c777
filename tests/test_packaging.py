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
EXTRAS = set(
    "datasets dev hub jax lpips netcdf radar tensorflow test torch tuner video"
    "".split()
)
METADATA_FILES = (
    "LICENSE",
    "README.md",
    "msrnn_command.py",
    "pyproject.toml",
    "setup.py",
)
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

# From the ground up. A module imports from its own floor and lower ones.
FLOORS = [
    [f"msrnn_keras.{room}" for room in rooms.split()]
    for rooms in (
        "utils",
        "backend",
        "layers",
        "cells losses metrics data plots distribution",
        "presets.registry presets.download presets.configuration presets.hub "
        "presets.loading presets.saving",
        "models",
        "presets.torch_checkpoints baselines",
        "evaluation training",
        "tuning report cost",
        "cli",
    )
]
FLOORS[-1] += ["zoo", "tools"]

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


COMMAND_WITHOUT_KERAS = """
import sys
import msrnn_command
from msrnn_keras.cli.main import build_parser, main

assert main(["list"]) == 0
assert "usage: msrnn" in build_parser().format_usage()
print("keras" in sys.modules)
"""

# Only the backends in `left` can be found.
HIDE = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""

NO_BACKEND = """
try:
    import msrnn_keras
except ImportError as error:
    print(error)
"""

ONLY_BACKEND = """
import msrnn_command
from msrnn_keras.backend.choice import import_keras

import_keras()
import keras
print(keras.backend.backend())
"""


def run_python(code, backend, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **environment,
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


@pytest.mark.backend_free
def test_help_and_list_import_no_keras():
    assert run_python(COMMAND_WITHOUT_KERAS, "torch") == "False"


@pytest.mark.backend_free
def test_no_backend_is_one_sentence(tmp_path):
    code = HIDE.format(hidden=BACKENDS) + NO_BACKEND
    message = run_python(code, "", KERAS_HOME=str(tmp_path))
    assert 'pip install "msrnn-keras[tensorflow]"' in message


@pytest.mark.backend_free
def test_the_only_backend_is_used(tmp_path):
    code = HIDE.format(hidden=("tensorflow", "jax")) + ONLY_BACKEND
    for _ in range(2):  # Keras writes keras.json the first time.
        assert run_python(code, "", KERAS_HOME=str(tmp_path)) == "torch"


def imported(path):
    """Yield the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_backends_are_imported_in_their_files_alone():
    folder = ROOT / "msrnn_keras"
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if {name.split(".")[0] for name in imported(path)} & set(BACKENDS)
    }
    assert found == set(BACKEND_FILES)


def floor_of(name):
    """Return the floor of a module: it imports from lower floors alone."""
    for floor, rooms in enumerate(FLOORS):
        for room in rooms:
            if name == room or name.startswith(room + "."):
                return floor
    return None


def test_nothing_imports_upward():
    upward = []
    for path in (ROOT / "msrnn_keras").rglob("*.py"):
        name = path.relative_to(ROOT).with_suffix("").as_posix()
        name = name.removesuffix("/__init__").replace("/", ".")
        here = floor_of(name)
        for other in imported(path):
            there = floor_of(other)
            if None not in (here, there) and there > here:
                upward.append((name, other))
    assert upward == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of a copy with two stub presets."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"

    def skip(source, names):
        presets = {"presets"} if Path(source).name == "zoo" else set()
        return presets | {name for name in names if name == "__pycache__"}

    for name in ("msrnn_keras", "zoo"):
        shutil.copytree(ROOT / name, copy / name, ignore=skip)
    for name in METADATA_FILES:
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
    assert packed == modules | {"msrnn_command.py"}


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
        "msrnn_keras/report/page.html.j2",
        "zoo/long_streams.json",
        "zoo/manifest.json",
        "zoo/presets/ms-convlstm/mnist/small/1/model.weights.h5",
    }


def test_wheel_metadata(wheel):
    info = f"msrnn_keras-{msrnn_keras.__version__}.dist-info"
    entry_points = wheel.read(f"{info}/entry_points.txt").decode()
    assert "msrnn = msrnn_command:main" in entry_points
    licence = wheel.read(f"{info}/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "Requires-Python: >=3.11" in metadata
    extras = {
        line.removeprefix("Provides-Extra: ")
        for line in metadata.splitlines()
        if line.startswith("Provides-Extra: ")
    }
    assert extras == EXTRAS
