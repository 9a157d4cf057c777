import json
import re

import keras
import numpy as np
import pytest

import msrnn_keras
import zoo
from msrnn_keras.cli import main
from msrnn_keras.cost import compare
from msrnn_keras.presets import torch_checkpoints
from msrnn_keras.presets.library import Library
from tests.reference import tiny
from tests.runs import contents

# === Help ===


def test_every_command_and_argument_has_a_help_text(capsys):
    (commands,) = main._parser()._subparsers._group_actions
    names = set(commands.choices)
    assert names == {
        "convert",
        "demo",
        "evaluate",
        "info",
        "list",
        "predict",
        "profile",
        "publish",
        "summary",
        "train",
        "tune",
    }
    assert {choice.dest for choice in commands._choices_actions} == names
    assert all(choice.help for choice in commands._choices_actions)
    for name, parser in commands.choices.items():
        for action in parser._actions:
            assert action.help, f"msrnn {name} {action.dest}"
        with pytest.raises(SystemExit, match="0"):
            main.main([name, "--help"])
        assert f"usage: msrnn {name}" in capsys.readouterr().out


def test_no_command_is_an_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main.main([])
    assert "usage: msrnn" in capsys.readouterr().err


# === list, info ===


def test_list_needs_no_file_but_the_manifest(run, library, monkeypatch):
    parameters = library.load("ms-convlstm", "mnist", "tiny").count_params()

    def fetch(*args, **kwargs):
        raise AssertionError("a file was asked for")

    monkeypatch.setattr("msrnn_keras.presets.library.locate", fetch)
    assert run("list").splitlines() == [
        f"ms-convlstm/mnist/tiny  revision 2  {parameters:,} parameters  "
        "validation MSE 8.25",
        f"ms-convlstm/mnist/worse  revision 1  {parameters:,} parameters  "
        "validation MSE 99.00",
    ]


def test_info_is_json(run, library):
    best = json.loads(run("info", "ms-convlstm", "mnist"))
    assert best == library.info("ms-convlstm", "mnist", "tiny", 2)
    options = ("--variant", "tiny", "--revision", "1")
    older = json.loads(run("info", "ms-convlstm", "mnist", *options))
    assert older["revision"] == "1"


@pytest.mark.parametrize(
    "arguments, received",
    [
        (("ms-convlstm", "kth"), "Received: 'kth'"),
        (("lstm", "mnist"), "Received: 'lstm'"),
        (("ms-convlstm", "mnist", "--variant", "huge"), "Received: 'huge'"),
        (("ms-convlstm", "mnist", "--revision", "7"), "Received: '7'"),
    ],
)
def test_unknown_presets_are_refused(refuse, arguments, received):
    refuse(received, "info", *arguments)
    refuse(received, "evaluate", *arguments)


# === demo ===


def test_demo_prints_scores_and_draws(run, tmp_path):
    out = run("demo", "--out", tmp_path, "--clips", 2, "--shown", 1)
    assert out.startswith("2 clips of digits the model never saw.")
    assert "\nms-convlstm " in out and "\npersistence " in out
    assert set(contents(tmp_path)) == {"forecast.gif", "forecast.png"}
    for name in contents(tmp_path):
        assert str(tmp_path / name) in out


def test_demo_refuses_a_missing_folder(refuse, tmp_path):
    refuse("nowhere", "demo", "--out", tmp_path / "nowhere")
    refuse("Received: 9", "demo", "--out", tmp_path, "--clips", 2, "--shown", 9)


def test_a_preset_for_a_newer_package_is_refused(
    refuse, past, tmp_path, library, monkeypatch
):
    monkeypatch.setattr(msrnn_keras, "__version__", "0.0.1")
    monkeypatch.setattr(
        zoo, "load", Library(library.root, library.manifest).load
    )
    out = tmp_path / "out.npz"
    refuse("Received: msrnn-keras 0.0.1", "predict", past, "--out", out)


@pytest.fixture
def checkpoint(tmp_path):
    """A PyTorch file of a small model, and the model."""
    torch = pytest.importorskip("torch")
    model = tiny("ms-preciplstm", attention_window=4, context=2, horizon=2)
    arrays = torch_checkpoints.export_torch_checkpoint(model)
    state = {name: torch.from_numpy(a) for name, a in arrays.items()}
    torch.save(state, tmp_path / "best.pth")
    return tmp_path / "best.pth", model


def test_convert_writes_a_model_that_keras_loads(checkpoint, tmp_path, capsys):
    path, model = checkpoint
    out = tmp_path / "new" / "folder"
    command = ["convert", str(path), "--model", "MS_PrecipLSTM"]
    command += ["--out", str(out), "--context", "2", "--horizon", "2"]
    assert main.main([*command, "--set", "attention_window=4"]) == 0
    assert f"{model.count_params():,} parameters" in capsys.readouterr().out
    twin = keras.saving.load_model(out / "model.keras")
    assert twin.get_config() == model.get_config() | {
        "image_shape": (64, 64, 1)
    }
    for a, b in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    before = (out / "model.keras").read_bytes()
    assert main.main([*command, "--set", "attention_window=4"]) == 2
    assert "the model is there. Received: " in capsys.readouterr().err
    assert (out / "model.keras").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "ms-predrnn"], "unknown: .*LA.conv1"),
        (["--model", "ms-nothing"], "Received: 'ms-nothing'"),
        (["--model", "ms-preciplstm", "--set", "window"], "Received: window"),
        (["--model", "ms-preciplstm", "--set", "links=3"], "Received: .*links"),
        (["--model", "ms-preciplstm", "--kernel-size", "5"], "another shape"),
    ],
)
def test_convert_refuses_and_writes_nothing(
    checkpoint, tmp_path, capsys, arguments, message
):
    path, _ = checkpoint
    out = tmp_path / "out"
    command = ["convert", str(path), "--out", str(out), *arguments]
    assert main.main(command) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert error.count("\n") == 1
    assert not out.exists()


SMALL_SUMMARY = "--filters 4 --size 16x24 --context 2 --horizon 2".split()


@pytest.mark.backend_free
def test_summary_prints_what_the_function_gives(capsys):
    command = ["summary", "PrecipLSTM", *SMALL_SUMMARY, "--batch", "3"]
    command += ["--set", "attention_window=6", "--skips", "fc"]
    assert main.main([*command, "--precision", "mixed_bfloat16"]) == 0
    expected = compare.compare(
        "ms-preciplstm",
        batch=3,
        image_shape=(16, 24, 1),
        context=2,
        horizon=2,
        filters=4,
        attention_window=6,
        skips="fc",
        dtype="mixed_bfloat16",
    )
    assert capsys.readouterr().out == compare.table(expected) + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "Received: 'nothing'"),
        (["predrnn", "--size", "64"], "HEIGHTxWIDTH.*Received: 64"),
        (["predrnn", "--filters", "0"], "Received: filters=0"),
        (["predrnn", "--batch", "0"], "Received: batch=0"),
        (["predrnn", "--set", "links=3"], "Received: .*links"),
    ],
)
def test_summary_refuses_bad_options_in_one_line(capsys, arguments, message):
    assert main.main(["summary", *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert error.count("\n") == 1


@pytest.fixture
def profiled(monkeypatch):
    """The tasks of `msrnn profile`, which are not run."""
    tasks = []

    def run_task(task, *args):
        tasks.append(task)
        return {"step_seconds": 2.0 if task.name.startswith("ms-") else 4.0}

    monkeypatch.setattr("msrnn_keras.cost.measure.processes.run_task", run_task)
    return tasks


def test_profile_measures_what_is_asked_for(profiled, tmp_path, capsys):
    file = tmp_path / "profile.json"
    command = ["profile", "TrajGRU", *SMALL_SUMMARY, "--batch", "3"]
    command += ["--set", "links=2", "--skips", "fc", "--steps", "5"]
    command += ["--repeats", "2", "--backend", "torch", "--json", str(file)]
    assert main.main([*command, "--precision", "mixed_bfloat16"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    (line,) = (x for x in lines if x.startswith("training step"))
    assert line.split()[-3:] == ["4.000", "2.000", "0.50"]
    assert printed.err.startswith("1/2: trajgru on torch, step\n")
    assert len(profiled) == len(printed.err.splitlines()) == 8
    for task in profiled:
        assert (task.batch, task.steps, task.backend) == (3, 5, "torch")
    multi_scale = profiled[1]
    assert multi_scale.name == "ms-trajgru"
    assert multi_scale.options == {
        "image_shape": (16, 24, 1),
        "context": 2,
        "horizon": 2,
        "filters": 4,
        "kernel_size": 3,
        "patch_size": 1,
        "dtype": "mixed_bfloat16",
        "links": 2,
        "skips": "fc",
        "scales": (1, 2, 4, 4, 2, 1),
    }
    record = json.loads(file.read_text())
    assert record["multi_scale"]["results"] == [{"step_seconds": 2.0}] * 4
    assert record["plain"]["name"] == "trajgru"


def test_profile_refuses_what_it_cannot_do(profiled, refuse, tmp_path):
    refuse("Received: 'nothing'", "profile", "nothing")
    refuse("Received: steps=0", "profile", "predrnn", "--steps", 0)
    refuse("backend='numpy'", "profile", "predrnn", "--backend", "numpy")
    refuse("Received: 64", "profile", "predrnn", "--size", "64")
    refuse("remat", "profile", "predrnn", "--remat", "all")
    nowhere = tmp_path / "nowhere" / "a.json"
    refuse("folder", "profile", "predrnn", "--json", nowhere)
    assert not profiled
