"""Arguments and directories that `train` refuses."""

import dataclasses
import math

import pytest

from msrnn_keras import distribution
from msrnn_keras.training import run, train
from tests.runs import contents

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(
    "name, changes",
    [
        ("recipe", {"epochs": 4}),
        ("steady", {"learning_rate": 2e-2}),
        ("steady", {"epochs": 4, "decay_steps": 2}),
    ],
)
def test_run_of_another_recipe(name, changes, request, mnist):
    runs = {"recipe": "uncut", "steady": "steady_uncut"}
    recipe, run = map(request.getfixturevalue, (name, runs[name]))
    before = contents(run)
    with pytest.raises(FileExistsError, match="another recipe.*Received: "):
        train(recipe.change_training(**changes), run, data=mnist)
    assert contents(run) == before


def test_folder_with_other_files(tmp_path, recipe, mnist):
    (tmp_path / "letter.txt").write_text("Dear Ada")
    with pytest.raises(FileExistsError, match="holds no run.*Received: "):
        train(recipe, tmp_path, data=mnist)
    with pytest.raises(FileExistsError, match="Received: "):
        train(recipe, tmp_path / "letter.txt", data=mnist)
    assert contents(tmp_path) == {"letter.txt": b"Dear Ada"}


@pytest.mark.parametrize(
    "name", ["max_minutes", "checkpoint_minutes", "max_cpu_hours", "threads"]
)
def test_limits_must_be_positive(tmp_path, recipe, mnist, name):
    for limit in (-1, math.nan):
        with pytest.raises(ValueError, match=f"{name}.*Received: "):
            train(recipe, tmp_path / "run", data=mnist, **{name: limit})
    assert not (tmp_path / "run").exists()


def test_invalid_recipe_creates_no_folder(tmp_path, recipe, mnist):
    with pytest.raises(FileNotFoundError):
        train(recipe, tmp_path / "run", data=tmp_path / "none.npz")
    wrong = {**recipe.architecture, "filters": 0}
    wrong = dataclasses.replace(recipe, architecture=wrong)
    with pytest.raises(ValueError, match="Received: "):
        train(wrong, tmp_path / "run", data=mnist)
    assert not (tmp_path / "run").exists()


def test_devices_are_passed_on(tmp_path, recipe, monkeypatch):
    asked = []
    monkeypatch.setattr(
        distribution, "run", lambda *args, devices: asked.append(devices)
    )
    train(recipe, tmp_path / "run", devices=2)
    assert asked == [2]


def test_settings_of_one_device_on_tensorflow(rich, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="Received: global_clipnorm=50.0 on 2"):
        run._check_shards(rich.training, 2)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    run._check_shards(rich.training, 2)


def test_tensorboard_needs_tensorflow(tmp_path, recipe, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="need .*Received: no package"):
        train(recipe, tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()
