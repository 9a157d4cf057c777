"""Small presets to test with, and a server to fetch them from."""

import contextlib
import functools
import http.server
import json
import threading

import numpy as np
import pytest

from msrnn_keras import MSStack
from msrnn_keras.presets.library import Library
from msrnn_keras.presets.saving import write_preset
from tests.tools.publishing.publishing import empty_library, quick
from tools.publishing import manifest


@pytest.fixture(autouse=True)
def _outside_world(monkeypatch, tmp_path):
    """No test reaches the network or the user's own cache by accident."""
    monkeypatch.delenv("MSRNN_KERAS_CACHE", raising=False)
    monkeypatch.setenv("MSRNN_KERAS_BASE_URL", str(tmp_path / "nowhere"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def library(tmp_path):
    return empty_library(tmp_path)


@pytest.fixture
def scorer(runs):
    """Stands in for scoring; what it gave the runs is forgotten."""
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
        "source": "random numbers",
        "hardware": "none",
        "training": "none",
        "input": {"scaling": "[0, 1]", "interval": None},
        "scores": {"validation": {"forecast": {"mse": 5.0}}, "test": {}},
    }


@pytest.fixture(scope="session")
def model():
    """A model whose weights are all random, none of them zero."""
    model = MSStack(
        "convlstm",
        image_shape=(8, 6, 2),
        context=3,
        horizon=2,
        filters=3,
        scales=(1, 2, 1),
    )
    rng = np.random.default_rng(0)
    model.set_weights(
        [rng.normal(0, 0.5, w.shape) for w in model.get_weights()]
    )
    return model


@pytest.fixture(scope="session")
def past():
    rng = np.random.default_rng(1)
    return rng.uniform(size=(2, 3, 8, 6, 2)).astype("float32")


@pytest.fixture(scope="session")
def published(tmp_path_factory, model, metadata):
    """A folder with revision 1, float32, and 2, float16, and its manifest."""
    folder = tmp_path_factory.mktemp("published")
    for revision, dtype in ((1, "float32"), (2, "float16")):
        write_preset(
            folder / "presets",
            model,
            {**metadata, "revision": revision},
            "# Card\n",
            compile={"loss": "mae", "learning_rate": 0.002},
            weights_dtype=dtype,
        )
    assert not manifest.main([], folder / "presets", folder / "manifest.json")
    return folder


@pytest.fixture
def in_place(published):
    return Library(published / "presets", published / "manifest.json")


@pytest.fixture
def elsewhere(published, tmp_path):
    """A library that lists the presets and has none of their files."""
    return Library(tmp_path / "empty", published / "manifest.json")


@pytest.fixture
def write_stub(metadata):
    """Writes a preset folder without a model: names, a score, some bytes."""

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


class _Truncating(_Quiet):
    """Promises the whole file and hangs up in the middle of it."""

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[: len(content) // 2])


class _Endless(_Quiet):
    """Goes on after the file, and says nothing of its length."""

    def send_header(self, keyword, value):
        if keyword != "Content-Length":
            super().send_header(keyword, value)

    def copyfile(self, source, outputfile):
        outputfile.write(source.read())
        with contextlib.suppress(OSError):  # hung up
            while True:
                outputfile.write(bytes(1 << 16))


@pytest.fixture
def serve():
    """Serves a folder on 127.0.0.1; gives its URL."""
    servers = []

    def start(folder, truncate=False, endless=False):
        kind = _Truncating if truncate else _Quiet
        handler = functools.partial(
            _Endless if endless else kind, directory=str(folder)
        )
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
