import contextlib
import math
import signal
import sys

import numpy as np
import pytest

from msrnn_keras import data, tuning
from msrnn_keras.tuning import search as module
from tests.ctrl_c import interrupting
from tests.tuning.searches import TRIALS, by_trial, clips, search, space


def test_best_model_has_the_best_score(uncut):
    folder, tuner = uncut
    results = tuning.read_results(folder)
    assert [r["status"] for r in results] == ["COMPLETED"] * TRIALS
    scores = [r["val_mse"] for r in results]
    assert scores == sorted(scores) and tuner.finished
    assert len({str(r["values"]) for r in results}) == TRIALS
    (model,) = tuner.get_best_models()
    x, y = clips(2, seed=1)
    error = np.clip(model.predict(x, verbose=0), 0, 1) - y
    expected = np.square(error).sum(axis=(2, 3, 4)).mean()
    assert scores[0] == pytest.approx(expected, rel=1e-4)
    assert results[0]["values"]["filters"] == model.filters
    weights = sum(np.size(w) for w in model.get_weights() if np.ndim(w))
    assert results[0]["parameters"] == weights
    assert all(r["seconds"] > 0 and r["epochs"] == 2 for r in results)


@pytest.mark.backend_free
def test_stopped_search_is_resumed_and_extended(uncut, tmp_path, monkeypatch):
    clock, folder = [0.0], tmp_path / "run"
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    original = module.Deadline.on_train_batch_begin

    def passes(self, batch, logs=None):
        clock[0] += 20
        original(self, batch, logs)

    def press(self, batch, logs=None):
        with contextlib.suppress(KeyboardInterrupt):  # as libraries lose it
            signal.raise_signal(signal.SIGINT)
        original(self, batch, logs)

    def statuses():
        return {t: r["status"] for t, r in by_trial(folder).items()}

    # By Ctrl-C, in the first trial.
    with monkeypatch.context() as patch:
        patch.setattr(module.Deadline, "on_train_batch_begin", press)
        with interrupting(), pytest.raises(KeyboardInterrupt):
            search(folder)
    assert statuses() == {"0": "RUNNING"}
    # After a minute, in the second epoch of the second trial.
    with monkeypatch.context() as patch:
        patch.setattr(module.Deadline, "on_train_batch_begin", passes)
        tuner = search(folder, max_minutes=1)
    assert not tuner.finished and tuner.best.exists()
    assert statuses() == {"0": "COMPLETED", "1": "RUNNING"}
    assert "running" in tuning.results_table(tuning.read_results(folder))
    assert search(folder).finished
    before = by_trial(folder)
    assert before == {
        trial: {**row, "val_mse": pytest.approx(row["val_mse"], rel=1e-4)}
        for trial, row in by_trial(uncut[0]).items()
    }
    search(folder)  # complete already
    assert by_trial(folder) == before
    search(folder, max_trials=TRIALS + 1)
    after = by_trial(folder)
    assert len(after) == TRIALS + 1 and before.items() <= after.items()


@pytest.mark.backend_free
def test_hyperband_continues_the_best_trial(tmp_path):
    x, y = clips()
    frames = np.concatenate([x[:, :2], y], axis=1).reshape(-1, 8, 8, 1)
    forced = {"stride": 4, "teacher_forcing": True}
    train = data.Clips(data.from_arrays(frames), 2, 2, 4, **forced)
    options = {"method": "hyperband", "epochs": 3, "max_trials": 4}
    folder = tmp_path / "run"
    hypermodel = space()
    tuner = search(folder, hypermodel, train, **options)
    results = by_trial(folder)
    first = [results[trial] for trial in ("0", "1", "2")]
    assert [r["epochs"] for r in first] == [1, 1, 1]
    best = min(first, key=lambda r: r["val_mse"])
    last = results["3"]
    assert last["epochs"] == 3 and last["values"] == best["values"]
    source = next(trial for trial in "012" if results[trial] is best)
    values = tuner.oracle.get_trial("3").hyperparameters.values
    assert values["tuner/trial_id"] == source
    # It equals uninterrupted training.
    hp = tuner.oracle.get_trial(source).hyperparameters
    options = {"validation_data": clips(2, seed=1), "verbose": 0}
    model = hypermodel.build(hp)
    history = hypermodel.fit(hp, model, train, epochs=3, **options)
    expected = min(history.history["val_mse"][1:])
    assert last["val_mse"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.backend_free
def test_bayesian_search_learns(tmp_path):
    pytest.importorskip("sklearn")

    class Valley(tuning.MSRNNHyperModel):
        """A score without training, lowest at a learning rate of 1e-2."""

        def fit(self, hp, model, *args, **kwargs):
            score = (math.log10(hp.get("learning_rate")) + 2) ** 2
            counts = dict.fromkeys(("epochs", "seconds", "parameters"), 1)
            return {"val_mse": score, **counts}

    rates = {"learning_rate": (1e-6, 1), "sampling": "none"}
    hypermodel = space(Valley, filters=1, seed=0, **rates)
    assert hypermodel.dimensions == 1
    search(tmp_path / "run", hypermodel, method="bayesian", max_trials=5)
    rows = by_trial(tmp_path / "run")
    drawn = [rows[trial]["val_mse"] for trial in "01"]
    chosen = [rows[trial]["val_mse"] for trial in "234"]
    assert min(chosen) < 0.1 < min(drawn)


@pytest.mark.backend_free
def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.gaussian_process", raising=False)
    with pytest.raises(ImportError, match=r"sklearn.* pip install .*\[tuner\]"):
        search(tmp_path / "run", method="bayesian")
    assert not (tmp_path / "run").exists()
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    with pytest.raises(ImportError, match=r"keras_tuner .*\[tuner\]"):
        getattr(tuning, "tune")  # noqa: B009
