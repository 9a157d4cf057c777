"""What a run refuses."""

import dataclasses
import math

import pytest

from msrnn_keras import distribution, training
from msrnn_keras.training import train
from tests.runs import contents


def test_the_run_of_another_recipe_is_refused(uncut, recipe, mnist):
    before = contents(uncut)
    other = recipe.change_training(epochs=4)
    with pytest.raises(FileExistsError, match="another recipe.*Received: "):
        train(other, uncut, data=mnist)
    assert contents(uncut) == before


def test_a_folder_of_something_else_is_refused(tmp_path, recipe, mnist):
    (tmp_path / "letter.txt").write_text("Dear Ada")
    with pytest.raises(FileExistsError, match="holds no run.*Received: "):
        train(recipe, tmp_path, data=mnist)
    assert contents(tmp_path) == {"letter.txt": b"Dear Ada"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, recipe, mnist):
    (tmp_path / "run").write_text("Dear Ada")
    with pytest.raises(FileExistsError, match="Received: "):
        train(recipe, tmp_path / "run", data=mnist)
    assert (tmp_path / "run").read_text() == "Dear Ada"


@pytest.mark.parametrize("minutes", [0, -1, math.nan])
@pytest.mark.parametrize(
    "name", ["max_minutes", "checkpoint_minutes", "max_cpu_hours"]
)
def test_minutes_must_be_positive(tmp_path, recipe, mnist, name, minutes):
    with pytest.raises(ValueError, match=f"{name}.*Received: "):
        train(recipe, tmp_path / "run", data=mnist, **{name: minutes})
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_trained_makes_no_folder(tmp_path, recipe, mnist):
    with pytest.raises(FileNotFoundError):
        train(recipe, tmp_path / "run", data=tmp_path / "none.npz")
    wrong = {**recipe.architecture, "filters": 0}
    with pytest.raises(ValueError, match="Received: "):
        train(
            dataclasses.replace(recipe, architecture=wrong),
            tmp_path / "run",
            data=mnist,
        )
    assert not (tmp_path / "run").exists()


def test_devices_are_those_asked_for(tmp_path, recipe, monkeypatch):
    asked = []
    monkeypatch.setattr(
        distribution, "run", lambda *args, devices: asked.append(devices)
    )
    train(recipe, tmp_path / "run", devices=2)
    assert asked == [2]


def test_what_tensorflow_does_on_one_device_alone(rich, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="Received: global_clipnorm=50.0 on 2"):
        training._check_shares(rich.training, 2)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    training._check_shares(rich.training, 2)


def test_tensorboard_needs_tensorflow(tmp_path, recipe, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="need .*Received: no package"):
        train(recipe, tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()
