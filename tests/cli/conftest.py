"""Fixtures of the command's tests."""

import functools
import types

import numpy as np
import pytest

import zoo
from msrnn_keras import MSStack
from msrnn_keras.cli import main
from msrnn_keras.presets.library import Library
from msrnn_keras.presets.saving import write_preset
from tests.runs import RECIPE, write_mnist
from tools.publishing import manifest

METADATA = {
    "model": "ms-convlstm",
    "dataset": "mnist",
    "license": "Apache-2.0",
    "recipe": "ms-convlstm-mnist-tiny",
    "source": "random numbers",
    "hardware": "none",
    "training": "none",
    "input": {"scaling": "[0, 1]", "interval": None},
}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Presets `tiny`, revisions 1 and 2, and `worse`, of one small model."""
    folder = tmp_path_factory.mktemp("zoo")
    model = MSStack(
        "convlstm",
        image_shape=(32, 32, 1),
        context=2,
        horizon=2,
        filters=2,
        scales=(1,),
        patch_size=4,
        name="ms-convlstm",
    )
    for variant, revision, mse in (
        ("tiny", 1, 9.0),
        ("tiny", 2, 8.25),
        ("worse", 1, 99.0),
    ):
        scores = {"validation": {"forecast": {"mse": mse}}, "test": {}}
        write_preset(
            folder / "presets",
            model,
            {
                **METADATA,
                "variant": variant,
                "revision": revision,
                "scores": scores,
            },
            "# Card\n",
            compile={"loss": "mse", "learning_rate": 0.001},
        )
    manifest.main([], folder / "presets", folder / "manifest.json")
    library = Library(folder / "presets", folder / "manifest.json")
    return types.SimpleNamespace(
        root=library.root,
        manifest=library.manifest,
        names=library.names,
        info=library.info,
        load=functools.cache(library.load),  # so that it is compiled once
    )


@pytest.fixture(autouse=True)
def tiny_zoo(library, monkeypatch):
    for name in ("load", "names", "info"):
        monkeypatch.setattr(zoo, name, getattr(library, name))
    monkeypatch.setattr(
        "msrnn_keras.presets.library.MANIFEST", library.manifest
    )


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
        status = main.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        assert printed.err == ""
        return printed.out

    return run


@pytest.fixture
def refuse(capsys):
    """Runs a command that should be refused, in one line on stderr."""

    def refuse(message, *arguments):
        assert main.main([str(argument) for argument in arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"msrnn {arguments[0]}: ")
        assert message in line

    return refuse
