import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from msrnn_keras.cli import main
from msrnn_keras.presets import registry
from msrnn_keras.training import read_history
from msrnn_keras.training.keeper import RunKeeper
from tests.ctrl_c import interrupting
from tests.runs import RECIPE, STEADY, contents

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.backend_free
def test_train_stops_and_resumes(
    run, recipe, mnist, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "run"
    command = ("train", recipe, "--out", str(folder), "--data", str(mnist))
    with monkeypatch.context() as patch:

        class Stopped(RunKeeper):
            def on_train_batch_end(self, batch, logs=None):
                if self.rows:
                    signal.raise_signal(signal.SIGINT)
                super().on_train_batch_end(batch, logs)

        patch.setattr("msrnn_keras.training.run.RunKeeper", Stopped)
        with interrupting():
            assert main.main([*command, "--verbose", "0"]) == 130
    assert capsys.readouterr().err == "msrnn train: stopped\n"
    assert len(read_history(folder)) == 1
    out = run(*command)
    assert "epoch 2/2, val_mse" in out and "epoch 1/2" not in out
    assert f"2 of 2 epochs done in {folder}.\n" in out
    assert f"Best weights on validation: {folder / 'best.weights.h5'}" in out
    assert [row["epoch"] for row in read_history(folder)] == [0, 1]


@pytest.mark.backend_free
def test_train_passes_all_options_on(run, recipe, tmp_path, monkeypatch):
    given = {}

    def train(recipe, run_dir, **options):
        assert (recipe.name, run_dir) == ("tiny", "run")
        given.update(options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("msrnn_keras.training.train", train)
    arguments = ("--out", "run", "--data", "digits.npz", "--max-minutes", 1.5)
    arguments += ("--verbose", 2, "--devices", 3, "--tensorboard")
    out = run("train", recipe, *arguments, "--checkpoint-minutes", 4)
    assert out == (
        "0 of 2 epochs done in run.\nRun the same command again to continue.\n"
    )
    assert given.pop("started") < time.monotonic()
    assert given == {
        "data": "digits.npz",
        "max_minutes": 1.5,
        "verbose": 2,
        "devices": 3,
        "checkpoint_minutes": 4.0,
        "tensorboard": True,
        **dict.fromkeys(("max_cpu_hours", "threads", "init", "init_name")),
    }
    options = ("--max-cpu-hours", 0.5, "--init", "ms-convlstm/mnist/tiny")
    run("train", recipe, "--out", "run", *options)
    assert (given["max_cpu_hours"], given["threads"]) == (0.5, None)
    assert given["init"].name == "ms-convlstm"
    assert given["init_name"] == "ms-convlstm/mnist/tiny"


@pytest.mark.backend_free
def test_train_branches_a_run(run, mnist, tmp_path):
    path = tmp_path / "steady.toml"
    path.write_text(STEADY.replace("epochs = 3", "epochs = 1"))
    long, branch = tmp_path / "long", tmp_path / "branch"
    run("train", path, "--out", long, "--data", mnist)
    command = ("train", long, "--out", branch, "--data", mnist)
    out = run(*command, "--decay-steps", 2)
    assert "2 of 2 epochs done" in out
    assert run(*command, "--decay-steps", 2) == out.partition("\n")[2]
    assert "decay_steps = 3" in (branch / "recipe.toml").read_text()
    assert len(read_history(long)) == 1


@pytest.mark.backend_free
def test_threads(run, recipe, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    monkeypatch.setattr("msrnn_keras.training.train", lambda *a, **k: None)
    try:
        run("train", recipe, "--out", tmp_path / "run", "--threads", 3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.backend_free
def test_train_finds_published_recipes(run, tmp_path, monkeypatch):
    name = "ms-convlstm/mnist/small"
    recipe = registry.ZOO / "recipes" / f"{name}.toml"
    monkeypatch.setattr(registry, "MANIFEST", registry.ZOO / "manifest.json")
    trained = []
    monkeypatch.setattr(
        "msrnn_keras.training.train",
        lambda recipe, *args, **kwargs: trained.append(recipe.text),
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir(parents=True)  # The preset comes before a folder.
    run("train", name, "--out", name)
    assert trained == [recipe.read_text(encoding="utf-8")]
    run("train", "ms-convlstm/mnist", "--out", name)  # its best variant
    best = registry.Library().find("ms-convlstm/mnist").name
    recipe = registry.ZOO / "recipes" / f"{best}.toml"
    assert trained[1:] == [recipe.read_text(encoding="utf-8")]


@pytest.mark.backend_free
def test_refused_options(refuse, recipe, mnist, tmp_path):
    out = tmp_path / "run"
    refuse("none.toml", "train", tmp_path / "none.toml", "--out", out)
    refuse("cannot be read", "train", mnist, "--out", out)
    refuse("none.npz", "train", recipe, "--out", out, "--data", "none.npz")
    refuse("batch_size=2", "train", recipe, "--out", out, "--devices", 3)
    refuse("Unknown model", "train", "no/such/preset", "--out", out)
    assert not out.exists()
    refuse("not empty", "train", recipe, "--out", tmp_path, "--data", mnist)
    assert set(contents(tmp_path)) == {"tiny.toml"}


@pytest.mark.backend_free
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_sigterm_saves_the_run_and_ends_the_process(tmp_path, mnist):
    path, out = tmp_path / "long.toml", tmp_path / "run"
    path.write_text(RECIPE.replace("epoch = 3", "epoch = 100000"))
    command = [sys.executable, "-m", "msrnn_keras.cli", "train", str(path)]
    command += ["--out", str(out), "--data", str(mnist)]
    command += ["--checkpoint-minutes", "0.0001"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not (out / "checkpoint.keras").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        printed, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143
    assert errors.endswith("msrnn train: terminated\n")
    assert printed.startswith("stopped and saved: epoch 1/3, step ")
