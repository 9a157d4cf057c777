import json

import pytest

from msrnn_keras.cli.main import main
from msrnn_keras.cost import compare

pytestmark = pytest.mark.backend_free

SMALL = "--filters 2 --size 8x16 --context 1 --horizon 1 --batch 3 --skips fc"
SMALL = [*SMALL.split(), "--precision", "mixed_bfloat16"]
OPTIONS = {"filters": 2, "image_shape": (8, 16, 1), "context": 1, "horizon": 1}
OPTIONS |= {"skips": "fc", "dtype": "mixed_bfloat16"}


def test_summary_prints_what_the_function_gives(capsys):
    command = ["summary", "PrecipLSTM", *SMALL, "--set", "attention_window=6"]
    assert main(command) == 0
    options = {"batch": 3, "attention_window": 6, **OPTIONS}
    expected = compare.compare("ms-preciplstm", **options)
    assert capsys.readouterr().out == compare.table(expected) + "\n"


def test_summary_of_a_model_without_layers_of_filters(run, refuse):
    small = [
        "summary",
        "earthformer",
        "--set",
        "base_units=16",
        "--size",
        "16x16",
    ]
    assert "parameters" in run(*small)
    refuse("has no argument filters", *small, "--filters", 32)


def test_summary_refuses_bad_options(refuse):
    refuse("Received: 'nothing'", "summary", "nothing")
    for option, value, message in (
        ("--size", "64", "Received: 64"),
        ("--filters", "0", "--filters: it takes a positive integer"),
        ("--batch", "0", "--batch: it takes a positive integer"),
        ("--set", "links=3", "links"),
    ):
        refuse(message, "summary", "predrnn", option, value)


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
    command = ["profile", "TrajGRU", *SMALL, "--set", "links=2", "--steps", "5"]
    command += ["--repeats", "2", "--backend", "torch", "--json", str(file)]
    assert main(command) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    (line,) = (x for x in lines if x.startswith("training step"))
    assert line.split()[-3:] == ["4.000", "2.000", "0.50"]
    assert len(profiled) == 8
    assert printed.err == ""  # It is no terminal.
    for task in profiled:
        assert (task.batch, task.steps, task.backend) == (3, 5, "torch")
    multi_scale = profiled[1]
    assert multi_scale.name == "ms-trajgru"
    assert multi_scale.options == {
        **OPTIONS,
        **{"kernel_size": 3, "patch_size": 1, "links": 2},
        "scales": (1, 2, 4, 4, 2, 1),
    }
    record = json.loads(file.read_text())
    assert record["multi_scale"]["results"] == [{"step_seconds": 2.0}] * 4
    assert record["plain"]["name"] == "trajgru"


def test_profile_refuses_what_it_cannot_do(profiled, refuse, tmp_path):
    refuse("Received: 'nothing'", "profile", "nothing")
    refuse(
        "--steps: it takes a positive integer. Received: 0",
        "profile",
        "predrnn",
        "--steps",
        0,
    )
    refuse("backend='numpy'", "profile", "predrnn", "--backend", "numpy")
    refuse("remat", "profile", "predrnn", "--remat", "all")
    nowhere = tmp_path / "nowhere" / "a.json"
    refuse("folder", "profile", "predrnn", "--json", nowhere)
    assert not profiled
