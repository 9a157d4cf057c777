import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from msrnn_keras.cli import main
from msrnn_keras.cli.train import _seconds_running
from msrnn_keras.training import RunKeeper, read_history, unpack_run
from tests.ctrl_c import interrupting
from tests.runs import RECIPE, STEADY, contents

ROOT = pathlib.Path(__file__).parents[2]


def test_train_stops_and_goes_on(
    run, recipe, mnist, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "run"
    command = ("train", recipe, "--out", str(folder), "--data", str(mnist))
    command = (*command, "--verbose", "0")
    with monkeypatch.context() as patch:

        class Stopped(RunKeeper):
            def on_train_batch_end(self, batch, logs=None):
                if self.rows:
                    signal.raise_signal(signal.SIGINT)
                super().on_train_batch_end(batch, logs)

        patch.setattr("msrnn_keras.training.RunKeeper", Stopped)
        pack = ("--pack", str(tmp_path / "pack"))
        with interrupting():
            assert main.main([*command, *pack]) == 130
    assert capsys.readouterr().err == "msrnn train: stopped\n"
    assert len(read_history(folder)) == 1
    out = run(*command)
    assert out.startswith(f"2 of 2 epochs done in {folder}.\n")
    assert f"Best weights on validation: {folder / 'best.weights.h5'}" in out
    assert [row["epoch"] for row in read_history(folder)] == [0, 1]
    # The pieces of the stopped run end as it did.
    other = tmp_path / "other"
    command = ("train", recipe, "--out", other, "--data", mnist)
    out = run(*command, *pack, "--unpack", pack[1])
    assert "epoch 2/2, val_mse" in out and "epoch 1/2" not in out
    assert f"Packed: {tmp_path / 'pack' / 'run.json'}\n" in out
    best = "best.weights.h5"
    assert len(contents(other)[best]) == len(contents(folder)[best])
    for name in ("loss", "val_mse"):
        rows = [read_history(path)[1][name] for path in (folder, other)]
        assert rows[0] == pytest.approx(rows[1])


def test_train_hands_everything_on(run, recipe, tmp_path, monkeypatch):
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
        "max_cpu_hours": None,
        "threads": None,
        "init": None,
        "init_name": None,
    }


def test_train_begins_from_a_preset_and_counts_cpu_hours(
    run, recipe, tmp_path, monkeypatch
):
    given = {}
    monkeypatch.setattr(
        "msrnn_keras.training.train",
        lambda *args, **options: given.update(options),
    )
    options = ("--max-cpu-hours", 0.5, "--init", "ms-convlstm/mnist/tiny")
    run("train", recipe, "--out", tmp_path / "run", *options)
    assert (given["max_cpu_hours"], given["threads"]) == (0.5, None)
    assert given["init"].name == "ms-convlstm"
    assert given["init_name"] == "ms-convlstm/mnist/tiny"


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


def test_train_finds_published_recipes(run, tmp_path, monkeypatch):
    name = "ms-convlstm-mnist-small"
    trained = []
    monkeypatch.setattr(
        "msrnn_keras.training.train",
        lambda recipe, *args, **kwargs: trained.append(recipe.name),
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()  # The run's folder may have the recipe's name.
    run("train", name, "--out", name)
    assert trained == [name]


def test_train_refuses_what_it_cannot_do(refuse, recipe, mnist, tmp_path):
    out = tmp_path / "run"
    refuse("none.toml", "train", tmp_path / "none.toml", "--out", out)
    refuse("cannot be read", "train", mnist, "--out", out)
    refuse("none.npz", "train", recipe, "--out", out, "--data", "none.npz")
    refuse("Received: -1", "train", recipe, "--out", out, "--max-minutes", -1)
    refuse("devices=0", "train", recipe, "--out", out, "--devices", 0)
    refuse("batch_size=2", "train", recipe, "--out", out, "--devices", 3)
    refuse("run.json", "train", recipe, "--out", out, "--unpack", tmp_path)
    assert not out.exists()
    refuse("not empty", "train", recipe, "--out", tmp_path, "--data", mnist)
    assert set(contents(tmp_path)) == {"tiny.toml"}


@pytest.mark.skipif(not pathlib.Path("/proc/uptime").exists(), reason="/proc")
def test_the_time_since_the_process_began():
    code = (
        "import runpy, time; time.sleep(0.5)\n"
        "module = runpy.run_path('msrnn_keras/commands/train.py')\n"
        "print(module['_seconds_running']())"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert 0.4 < float(done.stdout) <= time.monotonic() - start + 0.1
    assert _seconds_running() > 0


@pytest.mark.backend_free  # Signals are the same on all of them.
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("packing", [False, True])
def test_sigterm_ends_the_process_with_all_saved(tmp_path, mnist, packing):
    path, out = tmp_path / "long.toml", tmp_path / "run"
    path.write_text(RECIPE.replace("epoch = 3", "epoch = 100000"))
    command = [sys.executable, "-m", "msrnn_keras.cli.main", "train", str(path)]
    command += ["--out", str(out), "--data", str(mnist)]
    command += ["--checkpoint-minutes", "0.0001"]
    command += ["--pack", str(tmp_path / "pack")] if packing else []
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        while not (out / "checkpoint.keras").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    number = signal.SIGTERM
    assert process.returncode == (128 + number if packing else -number)
    assert printed.startswith("stopped and saved: epoch 1/3, step ")
    assert (out / "checkpoint.keras").exists()
    if packing:
        again = unpack_run(tmp_path / "pack", tmp_path / "again")
        name = "checkpoint.keras"
        assert contents(again)[name] == contents(out)[name]
