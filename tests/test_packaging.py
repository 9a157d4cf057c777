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
import zoo
from tests.reference import GOLDEN

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parent.parent
BACKENDS = ("tensorflow", "jax", "torch")
EXTRAS = set(
    "app datasets dev docs export geo hub jax lpips netcdf openvino radar "
    "tensorflow test torch tuner video".split()
)
METADATA_FILES = "LICENSE README.md msrnn_command.py pyproject.toml setup.py"
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
HEAVY = {
    *BACKENDS,
    *"matplotlib tensorflow_datasets keras_tuner PIL av cv2 imageio".split(),
    *"huggingface_hub lpips pyproj pysteps skimage xarray".split(),
    *"cfgrib gradio rasterio rioxarray zarr".split(),
}

# From the ground up. A module imports from its own floor and lower ones.
FLOORS = [
    [f"msrnn_keras.{room}" for room in rooms.split()]
    for rooms in (
        "utils",
        "backend",
        "layers",
        "cells losses metrics data plots distribution",
        "presets.registry presets.download presets.configuration presets.hub "
        "presets.loading presets.saving presets.sizes",
        "models",
        "presets.torch_checkpoints baselines",
        "evaluation training pysteps",
        "tuning report cost",
        "app cli",
    )
]
FLOORS[-1] += ["zoo", "tools"]

# The packages in `hidden` cannot be imported.
HIDE = "import sys; sys.modules.update(dict.fromkeys({hidden!r}))"

IMPORT = f"""
import sys
import keras
before = set(sys.modules)
import msrnn_keras, zoo
print(sorted({HEAVY} & (set(sys.modules) - before)))
"""

PREDICT = """
import numpy
assert sys.modules["tensorflow"] is None
model = msrnn_keras.create(
    "convlstm", image_shape=(4, 4, 1), scales=(1,), filters=1, horizon=2
)
assert model.predict(numpy.zeros((1, 2, 4, 4, 1))).shape == (1, 2, 4, 4, 1)
print("predicted")
"""

COMMAND_WITHOUT_KERAS = """
import sys
import msrnn_command, zoo
from msrnn_keras.cli.main import build_parser, main

assert main(["list"]) == 0
assert zoo.names() and zoo.info("ms-convlstm/mnist/small")
assert "usage: msrnn" in build_parser().format_usage()
print({"keras", "numpy", "h5py"} & set(sys.modules))
"""

NO_BACKEND = """
try:
    import msrnn_keras
except ImportError as error:
    print(error)
"""

ONLY_BACKEND = """
import msrnn_keras, keras
print(keras.backend.backend())
"""

ONLY_BACKEND_OF_COMMAND = """
import msrnn_command
from msrnn_keras.backend.choice import import_keras

import_keras()
import keras
print(keras.backend.backend())
"""


def run_python(code, backend, **environment):
    settings = {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **settings}
        | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


@pytest.mark.parametrize("backend", BACKENDS)
def test_importing_is_light_and_works_without_tensorflow(backend):
    if backend == "tensorflow":
        assert run_python(IMPORT, backend) == ["[]"]
        return
    code = HIDE.format(hidden=["tensorflow"]) + IMPORT + PREDICT
    lines = run_python(code, backend)
    assert (lines[0], lines[-1]) == ("[]", "predicted")


def test_help_and_list_import_no_keras():
    assert run_python(COMMAND_WITHOUT_KERAS, "torch")[-1] == "set()"


@pytest.mark.parametrize(
    "configured, code",
    [(False, ONLY_BACKEND), (True, ONLY_BACKEND_OF_COMMAND)],
)
def test_the_only_backend_is_used(configured, code, tmp_path):
    if configured:  # as Keras does the first time
        (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
    code = HIDE.format(hidden=("tensorflow", "jax")) + code
    assert run_python(code, "", KERAS_HOME=str(tmp_path)) == ["torch"]


def test_no_backend_is_one_sentence():
    message = run_python(HIDE.format(hidden=BACKENDS) + NO_BACKEND, "")[-1]
    assert 'pip install "msrnn-keras[tensorflow]"' in message


def imported(path):
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
    """Return the floor of a module, None for one of another package."""
    for floor, rooms in enumerate(FLOORS):
        if any(f"{name}.".startswith(f"{room}.") for room in rooms):
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
    """The wheel, built of a copy with stub presets."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"

    def skip(source, names):
        presets = {"presets"} if Path(source).name == "zoo" else set()
        return presets | {name for name in names if name == "__pycache__"}

    for name in ("msrnn_keras", "zoo"):
        shutil.copytree(ROOT / name, copy / name, ignore=skip)
    for name in METADATA_FILES.split():
        shutil.copy(ROOT / name, copy)
    for variant in ("small", "medium", "large"):
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


def test_wheel_holds_every_module_the_data_and_metadata(wheel):
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in ("msrnn_keras", "zoo")
        for path in (ROOT / folder).rglob("*.py")
    }
    recipes = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "zoo/recipes").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == modules | recipes | {
        "msrnn_command.py",
        "msrnn_keras/app/page.css",
        "msrnn_keras/app/viewer.js",
        "msrnn_keras/data/datasets/README.md",
        "msrnn_keras/data/datasets/digits.npz",
        "msrnn_keras/py.typed",
        "msrnn_keras/report/page.html.j2",
        "zoo/long_streams.json",
        "zoo/manifest.json",
        "zoo/py.typed",
        "zoo/presets/ms-convlstm/mnist/medium/1/model.weights.h5",
        "zoo/presets/ms-convlstm/mnist/small/1/model.weights.h5",
    }
    name = f"msrnn_keras-{msrnn_keras.__version__}"
    assert Path(wheel.filename).name == f"{name}-py3-none-any.whl"
    info = f"{name}.dist-info"
    entry_points = wheel.read(f"{info}/entry_points.txt").decode()
    assert "msrnn = msrnn_command:main" in entry_points
    licence = wheel.read(f"{info}/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "Requires-Python: >=3.11" in metadata
    assert "Classifier: Typing :: Typed" in metadata
    extras = {
        line.removeprefix("Provides-Extra: ")
        for line in metadata.splitlines()
        if line.startswith("Provides-Extra: ")
    }
    assert extras == EXTRAS


def test_public_names_are_those_of_the_snapshot():
    """A changed name is a decision: change the file with it."""
    modules = {"msrnn_keras": msrnn_keras, "zoo": zoo}
    for name in {*msrnn_keras._MODULES, "losses"}:
        modules[f"msrnn_keras.{name}"] = getattr(msrnn_keras, name)
    names = [f"{key}.{x}" for key in modules for x in modules[key].__all__]
    expected = (GOLDEN / "public_names.txt").read_text(encoding="utf-8")
    assert sorted(names) == expected.splitlines()
    assert set(msrnn_keras._MODULES) < set(dir(msrnn_keras))
