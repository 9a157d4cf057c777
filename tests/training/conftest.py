import numpy as np
import pytest

from msrnn_keras.training import read_history, train
from msrnn_keras.training.recipe import parse_recipe
from msrnn_keras.training.stopping import Stop
from tests.runs import RECIPE, RICH, STEADY, state, write_mnist


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="session")
def mnist(folder):
    return write_mnist(folder / "mnist.npz")


def parsed(text, path):
    return pytest.fixture(scope="session")(lambda: parse_recipe(text, path))


recipe = parsed(RECIPE, "tiny.toml")
rich = parsed(RICH, "rich.toml")
steady = parsed(STEADY, "steady.toml")


@pytest.fixture(scope="session")
def uncut(folder, recipe, mnist):
    train(recipe, folder / "uncut", data=mnist, verbose=0)
    return folder / "uncut"


@pytest.fixture(scope="session")
def steady_uncut(folder, steady, mnist):
    train(steady, folder / "steady-uncut", data=mnist, verbose=0)
    return folder / "steady-uncut"


@pytest.fixture(scope="session")
def train_until():
    """Train until the run has checked so many times whether to stop.

    It checks after each training step and each validation batch.
    """

    def train_until(checks, *args, **kwargs):
        seen = []

        def within(self, seconds):
            seen.append(seconds)
            return len(seen) == checks

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Stop, "within", within)
            train(*args, verbose=0, **kwargs)
        assert len(seen) == checks

    return train_until


@pytest.fixture(scope="session")
def assert_same_run():
    """Assert bitwise equal states and equal scores; times may differ.

    `rounding` allows for PyTorch, whose results depend on memory alignment
    and so differ between processes.
    """

    def assert_same_run(run, other, rounding=False):
        a, b = (state(path / "checkpoint.keras") for path in (run, other))
        assert a.keys() == b.keys()
        rtol, atol = (1e-4, 1e-6) if rounding else (0, 0)
        for name in a:
            pair = a[name], b[name]
            np.testing.assert_allclose(*pair, rtol, atol, err_msg=name)
        rows = read_history(run)
        assert rows
        for row, expected in zip(rows, read_history(other), strict=True):
            assert row.keys() == expected.keys()
            for name in row.keys() - {"seconds", "cpu_seconds"}:
                exact = name.startswith("val_") and not rounding
                rel = 0 if exact or name == "epoch" else 1e-5
                assert row[name] == pytest.approx(expected[name], rel=rel)

    return assert_same_run
