"""The tasks and the tables of the benchmarks; nothing is measured."""

import numpy as np
import pytest

from benchmarks import run, scaling, subjects
from msrnn_keras.cost.measure import processes
from msrnn_keras.cost.measure.report import Measured

pytestmark = pytest.mark.backend_free

SMALL = "--size 8 --context 2 --horizon 2 --filters 2 --batch 2".split()
SMALL += "--repeats 1 --scales 1 2 1".split()


def test_models_and_peers_take_turns(monkeypatch, tmp_path, capsys):
    tasks = []

    def run_task(task, module):  # a loop is faster with channels last
        assert module == run.WORKER
        tasks.append(task)
        seconds = 1.0 if task.options.get("channels_last") else 2.0
        return {"step_seconds": seconds, "latency_seconds": seconds}

    monkeypatch.setattr(processes, "run_task", run_task)
    monkeypatch.setattr(run, "run_task", run_task)
    arguments = ["--backends", "torch", "--peers", "torch-loop"]
    file = str(tmp_path / "run.json")
    run.main([*SMALL, *arguments, "--what", "step", "--json", file])
    printed = capsys.readouterr().out
    layouts, measured = tasks[:2], tasks[2:]
    assert [t.options["channels_last"] for t in layouts] == [True, False]
    names = ["ms-convlstm", "convlstm", "torch-loop"]
    assert [t.name for t in measured] == names
    scales = [list(t.options["scales"]) for t in measured]
    assert scales == [[1, 2, 1], [1, 1, 1], [1, 1, 1]]
    assert measured[2].options["channels_last"] is True
    assert measured[2].flops == measured[1].flops > measured[0].flops
    assert "| torch | torch-loop | 1.000 |" in printed
    run.main(["--from", file, "--references", "torch-loop"])
    assert "| torch | convlstm | 2.000 | 2.00 |" in capsys.readouterr().out
    backends = ["tensorflow", "jax"]
    assert run.backends_of("ms-convlstm2d", backends) == backends
    assert run.backends_of("ms-torch-loop", backends) == ["torch"]


def test_a_reference_is_on_the_same_backend_where_it_was_measured_there():
    rows = [
        Measured(name, backend, [{"step_seconds": seconds}])
        for name, backend, seconds in (
            ("ours", "jax", 6.0),
            ("ours", "torch", 4.0),
            ("loop", "torch", 2.0),
            ("keras", "jax", 3.0),
            ("keras", "torch", 8.0),
        )
    ]
    rows.append(Measured("other", "jax", [{"error": "step: killed"}]))
    text = run.report(rows, ["loop", "keras", "absent"])
    assert "| training step, s | ÷ loop | ÷ keras |\n" in text
    assert "| jax | ours | 6.000 | 3.00 | 2.00 |" in text
    assert "| torch | ours | 4.000 | 2.00 | 0.50 |" in text
    assert "| torch | loop | 2.000 | 1 | 0.25 |" in text
    assert "\n\nother on jax failed in step: killed\n\n" in text
    assert "| jax | other |" not in text


@pytest.mark.parametrize("kind", ["convlstm2d", "keras-loop", "torch-loop"])
def test_peers_work(kind):
    options = run.model_options(kind, run.parse([*SMALL, "--horizon", "1"]))
    options["scales"] = [1]
    task = run.Task(kind, "step", options, 2, 1, 0, "")
    work = subjects.work(task)
    assert np.isfinite(work.step())
    assert len(work.forecast(1)) == 1
    sizes = {"image_shape": (8, 12, 3), "patch_size": 4}
    sizes |= {"context": 2, "horizon": 3}  # patches are channels
    assert subjects.patched_clips(task, sizes).shape == (2, 5, 2, 3, 48)


def test_scaling_varies_one_size_at_a_time(monkeypatch, capsys):
    asked = []

    def run_task(task, module=processes.WORKER):
        asked.append(task)
        options = task.options
        seconds = float(task.batch * np.prod(options["image_shape"]))
        seconds *= options["context"] + options["horizon"] - 1
        return {"step_seconds": seconds, "step_peak_mib": 2 * seconds}

    monkeypatch.setattr(processes, "run_task", run_task)
    arguments = "--what step --frames 2 4 --sides 8 16 --batches 1 3".split()
    scaling.main([*SMALL, *arguments])
    assert len(asked) == 6
    rows = capsys.readouterr().out.splitlines()[2:]
    assert len(rows) == 6
    assert all(row.endswith("| 1.00, 1.00 |") for row in rows)
    shapes = [t.options["image_shape"][0] for t in asked]
    assert shapes == [8, 8, 8, 16, 8, 8]
    assert [t.batch for t in asked] == [2, 2, 2, 2, 1, 3]
    assert scaling.exponent(np.array([1, 2]), [1.0]) is None  # one failed
