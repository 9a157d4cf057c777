"""Small presets for tests, and a server to fetch them from."""

import functools
import http.server
import json
import threading

import h5py
import numpy as np
import pytest

from msrnn_keras import MSStack
from msrnn_keras.presets import registry
from msrnn_keras.presets.registry import Library
from tests.reference import randomize
from tests.runs import RECIPE
from tests.tools.publishing.publishing import empty_library, quick
from tools.publishing import manifest
from tools.publishing.preset_files import write_preset


def datasets(path):
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def predict(model, frames):
    return model.predict(frames, verbose=0)


def assert_same_weights(one, other):
    for a, b in zip(
        one.trainable_weights, other.trainable_weights, strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(autouse=True)
def _outside_world(monkeypatch, tmp_path):
    """Keep tests off the network and the user's own cache."""
    monkeypatch.delenv("MSRNN_KERAS_CACHE", raising=False)
    monkeypatch.setenv("MSRNN_KERAS_BASE_URL", str(tmp_path / "nowhere"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def library(tmp_path):
    return empty_library(tmp_path)


@pytest.fixture
def scorer(runs):
    """A stub of the scoring; the runs keep none of its scores."""
    with quick(runs[0]) as scorer:
        yield scorer
    for run in runs:
        (run / "scores.json").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def metadata():
    return {
        "model": "convlstm",
        "dataset": "mnist",
        "variant": "tiny",
        "revision": "1",
        "license": "Apache-2.0",
        "recipe": "convlstm-mnist-tiny",
        **dict.fromkeys(("source", "hardware", "training"), "none"),
        "input": {"scaling": "[0, 1]", "interval": None},
        "scores": {"validation": {"forecast": {"mse": 5.0}}, "test": {}},
    }


@pytest.fixture(scope="session")
def model():
    """A model with random weights, none of them zero."""
    sizes = {"context": 3, "horizon": 2, "filters": 3, "scales": (1, 2, 1)}
    return randomize(MSStack("convlstm", (8, 6, 2), **sizes), 0.5)


@pytest.fixture(scope="session")
def past():
    rng = np.random.default_rng(1)
    return rng.uniform(size=(2, 3, 8, 6, 2)).astype("float32")


@pytest.fixture(scope="session")
def published(tmp_path_factory, model, metadata):
    """A folder with revision 1, float32, and 2, float16, and its manifest."""
    folder = tmp_path_factory.mktemp("published")
    compile = {"loss": "mae", "learning_rate": 0.002}
    for revision, dtype in ((1, "float32"), (2, "float16")):
        named = {**metadata, "revision": revision}
        root = folder / "presets"
        write_preset(root, model, named, "# Card\n", compile, dtype)
    assert not manifest.main([], folder / "presets", folder / "manifest.json")
    return folder


@pytest.fixture
def in_place(published):
    return Library(published / "presets", published / "manifest.json")


@pytest.fixture
def elsewhere(published, tmp_path):
    """A library that lists the presets, without their files."""
    return Library(tmp_path / "empty", published / "manifest.json")


@pytest.fixture
def with_recipes(published, tmp_path, monkeypatch):
    """Replace the zoo by a published preset, its recipe and three others."""
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes((published / "manifest.json").read_bytes())
    for name in (
        "convlstm/mnist/tiny",
        "ms-convlstm/mnist/tiny",
        "ms-convlstm/mnist/larger",
        "ms-convlstm/kth/tiny",
    ):
        path = tmp_path / "recipes" / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        *_, rest = RECIPE.split("\n", 3)
        keys = zip(
            ("model", "dataset", "variant"), name.split("/"), strict=True
        )
        lines = [f'{key} = "{value}"\n' for key, value in keys]
        path.write_text("".join(lines) + rest)
    monkeypatch.setattr(registry, "PRESETS", published / "presets")
    monkeypatch.setattr(registry, "MANIFEST", manifest)
    return Library()


@pytest.fixture
def write_stub(metadata):
    """Write a preset's folder without a model: names, a score, some bytes."""

    def write(root, name, mse, weights=b"weights"):
        folder = root / name
        folder.mkdir(parents=True)
        keys = ("model", "dataset", "variant", "revision")
        stub = {
            **metadata,
            **dict(zip(keys, name.split("/"), strict=True)),
            "parameters": 7,
            "scores": {"validation": {"forecast": {"mse": mse}}},
        }
        (folder / "metadata.json").write_text(json.dumps(stub))
        if weights is not None:
            (folder / "model.weights.h5").write_bytes(weights)
        return folder

    return write


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(folder):
        handler = functools.partial(_Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
