import dataclasses
import itertools
import math

import pytest

from msrnn_keras.training import run, train
from tests.runs import contents

pytestmark = pytest.mark.backend_free


def test_refused_folders_and_arguments(
    recipe, uncut, steady, steady_uncut, mnist, tmp_path, monkeypatch
):
    for plan, started, changes in (
        (recipe, uncut, {"epochs": 4}),
        (steady, steady_uncut, {"learning_rate": 2e-2}),
        (steady, steady_uncut, {"epochs": 4, "decay_steps": 2}),
    ):
        before = contents(started)
        with pytest.raises(FileExistsError, match="another recipe.*Received: "):
            train(plan.change_training(**changes), started, data=mnist)
        assert contents(started) == before
    (tmp_path / "letter.txt").write_text("Dear Ada")
    for path in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(FileExistsError, match="holds no run.*Received: "):
            train(recipe, path, data=mnist)
    assert contents(tmp_path) == {"letter.txt": b"Dear Ada"}

    def refuse(error, match, recipe=recipe, data=mnist, **options):
        with pytest.raises(error, match=match):
            train(recipe, tmp_path / "run", data=data, **options)
        assert not (tmp_path / "run").exists()

    numbers = "max_minutes", "checkpoint_minutes", "max_cpu_hours", "threads"
    for name, limit in itertools.product(numbers, (-1, math.nan)):
        refuse(ValueError, f"{name}.*Received: ", **{name: limit})
    refuse(FileNotFoundError, "none.npz", data=tmp_path / "none.npz")
    wrong = {**recipe.architecture, "filters": 0}
    wrong = dataclasses.replace(recipe, architecture=wrong)
    refuse(ValueError, "Received: ", wrong)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = "need .*Received: no package"
    refuse(ImportError, message, tensorboard=True)


def test_settings_of_one_device_on_tensorflow(rich, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")
    with pytest.raises(ValueError, match="Received: global_clipnorm=50.0 on 2"):
        run._check_shards(rich.training, 2)
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    run._check_shards(rich.training, 2)
