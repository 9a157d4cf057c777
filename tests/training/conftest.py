"""Runs that the tests of training share."""

import numpy as np
import pytest

from msrnn_keras.training import read_history, train
from msrnn_keras.training.recipe import load_recipe
from msrnn_keras.training.stopping import Stop
from tests.runs import RECIPE, RICH, STEADY, state, write_mnist


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="session")
def mnist(folder):
    return write_mnist(folder / "mnist.npz")


@pytest.fixture(scope="session")
def recipe(folder):
    path = folder / "tiny.toml"
    path.write_text(RECIPE)
    return load_recipe(path)


@pytest.fixture(scope="session")
def rich(folder):
    path = folder / "rich.toml"
    path.write_text(RICH)
    return load_recipe(path)


@pytest.fixture(scope="session")
def steady(folder):
    path = folder / "steady.toml"
    path.write_text(STEADY)
    return load_recipe(path)


@pytest.fixture(scope="session")
def uncut(folder, recipe, mnist):
    """The run of the recipe, from its start to its end."""
    train(recipe, folder / "uncut", data=mnist, verbose=0)
    return folder / "uncut"


@pytest.fixture(scope="session")
def train_until():
    """Trains until a run was asked so many times whether it has to stop.

    It is asked after each training step and each batch of validation.
    """

    def train_until(questions, *args, **kwargs):
        asked = []

        def within(self, seconds):
            asked.append(seconds)
            return len(asked) == questions

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Stop, "within", within)
            train(*args, verbose=0, **kwargs)
        assert len(asked) == questions

    return train_until


@pytest.fixture(scope="session")
def assert_same_run():
    """Same state to the last bit, same scores; times may differ.

    `rounding` allows for what PyTorch rounds otherwise in another process,
    where arrays lie elsewhere in memory.
    """

    def assert_same_run(run, other, rounding=False):
        a, b = (state(path / "checkpoint.keras") for path in (run, other))
        assert a.keys() == b.keys()
        rtol, atol = (1e-4, 1e-6) if rounding else (0, 0)
        for name in a:
            np.testing.assert_allclose(
                a[name], b[name], rtol, atol, err_msg=name
            )
        rows, others = read_history(run), read_history(other)
        assert len(rows) == len(others) > 0
        for row, expected in zip(rows, others, strict=True):
            assert row.keys() == expected.keys()
            for name in row.keys() - {"seconds", "cpu_seconds"}:
                exact = name.startswith("val_") and not rounding
                rel = 0 if exact or name == "epoch" else 1e-5
                assert row[name] == pytest.approx(expected[name], rel=rel)

    return assert_same_run
