import functools
import re

import numpy as np
import pytest

import zoo
from msrnn_keras import MSStack
from msrnn_keras.cli.main import main
from msrnn_keras.presets import registry
from msrnn_keras.presets.loading import load_preset
from msrnn_keras.presets.registry import Library
from tests.runs import RECIPE, write_mnist
from tools.publishing import manifest
from tools.publishing.preset_files import write_preset


@pytest.fixture(scope="module")
def library(tmp_path_factory, metadata):
    """Presets `tiny`, revisions 1 and 2, and `worse`, of one small model."""
    folder = tmp_path_factory.mktemp("zoo")
    sizes = {"filters": 2, "scales": (1,), "patch_size": 4}
    model = MSStack("convlstm", (32, 32, 1), 2, 2, name="ms-convlstm", **sizes)
    compile = {"loss": "mse", "learning_rate": 0.001}
    for variant, revision, mse in (
        ("tiny", 1, 9.0),
        ("tiny", 2, 8.25),
        ("worse", 1, 99.0),
    ):
        named = {
            **metadata,
            "model": "ms-convlstm",
            **{"variant": variant, "revision": revision},
            "scores": {"validation": {"forecast": {"mse": mse}}, "test": {}},
        }
        write_preset(folder / "presets", model, named, "# Card\n", compile)
    manifest.main([], folder / "presets", folder / "manifest.json")
    library = Library(folder / "presets", folder / "manifest.json")
    load = functools.partial(load_preset, library=library)
    object.__setattr__(library, "load", functools.cache(load))  # compile once
    return library


@pytest.fixture(autouse=True)
def tiny_zoo(library, monkeypatch):
    monkeypatch.setattr(zoo, "load", library.load)
    monkeypatch.setattr(registry, "PRESETS", library.root)
    monkeypatch.setattr(registry, "MANIFEST", library.manifest)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    return write_mnist(tmp_path_factory.mktemp("mnist") / "mnist.npz")


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.replace("epochs = 3", "epochs = 2"))
    return str(path)


@pytest.fixture
def past(tmp_path):
    frames = np.random.default_rng(0).random((3, 32, 32)).astype("float32")
    np.save(tmp_path / "past.npy", frames)
    return str(tmp_path / "past.npy")


@pytest.fixture
def run(capsys):
    """Runs a command that should succeed; gives what it printed."""

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        assert printed.err == ""
        return printed.out

    return run


@pytest.fixture
def refuse(capsys):
    """Runs a command that should be refused, in one line on stderr."""

    def refuse(message, *arguments):
        pattern = isinstance(message, re.Pattern)
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # of the parser
            status = ended.code
        assert status == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"msrnn {arguments[0]}: ")
        assert re.search(message, line) if pattern else message in line

    return refuse
