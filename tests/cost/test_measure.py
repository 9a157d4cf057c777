import json
import math
import mmap
import types

import keras
import numpy as np
import pytest

from msrnn_keras import create
from msrnn_keras.cost.estimate import forecast_flops
from msrnn_keras.cost.measure import device, measure, processes, profile, table
from msrnn_keras.cost.measure.measure import Task, Work
from msrnn_keras.cost.measure.report import FIGURES, Measured, ratio, spread

BACKEND = keras.backend.backend()
SMALL = {"image_shape": (8, 8, 1), "filters": 2, "scales": (1, 2, 1)}
SMALL |= {"context": 2, "horizon": 2}


def task(mode="step", **changes):
    whole = Task("ms-convlstm", mode, SMALL, 3, 2, 10**6, BACKEND)
    return whole._replace(**changes)


@pytest.fixture
def small_products(monkeypatch):
    monkeypatch.setattr(device, "MATRIX_SIDES", (16, 32))


@pytest.fixture
def run(monkeypatch):
    """Replace processes; `asked` has the tasks, `given` their results."""
    asked, given = [], []

    def run_task(task, module=processes.WORKER):
        asked.append(task)
        return given[len(asked) - 1] if given else {}

    monkeypatch.setattr(processes, "run_task", run_task)
    return types.SimpleNamespace(asked=asked, given=given)


@pytest.mark.parametrize("mode", measure.MODES)
def test_every_figure_of_a_mode_is_measured(mode, small_products):
    options = {**SMALL, "scales": (1,)}
    result = measure.measure(task(mode, options=options))
    json.dumps(result)
    figures = {key for key in FIGURES if mode in key or key.startswith("prod")}
    if mode == "forecast":
        figures |= {"latency_seconds", "clips_per_second"}
    assert set(result) == figures | {"runs", "software"}
    for figure in figures:
        assert result[figure] >= 0 and math.isfinite(result[figure])
    assert BACKEND in result["software"]["backend"]


@pytest.mark.backend_free
def test_utilization_and_medians_without_the_first_calls(monkeypatch):
    calls, dtypes = [], []
    monkeypatch.setattr(
        measure, "matrix_product_speed", lambda dtype: dtypes.append(dtype) or 8
    )
    work = Work(lambda: calls.append("step"), calls.append)
    step = measure.measure(task("step"), build=lambda _: work)
    assert calls == ["step"] * 3 and len(step["runs"]["step"]) == 2
    speed = 3 * 3 * 10**6 / step["step_seconds"]
    assert step["step_utilization"] == pytest.approx(speed / 8)
    calls.clear()
    half = {**SMALL, "dtype": "mixed_bfloat16"}
    ahead = measure.measure(task("forecast", options=half), lambda _: work)
    assert calls == [1, 1, 1, 3, 3, 3]
    runs = {key: len(seconds) for key, seconds in ahead["runs"].items()}
    assert runs == {"single": 2, "batch": 2}
    speed = 10**6 * ahead["clips_per_second"]
    assert ahead["forecast_utilization"] == pytest.approx(speed / 8)
    assert dtypes == ["float32", "bfloat16"]


@pytest.mark.backend_free
def test_the_matrix_product_grows_until_it_takes_long_enough(monkeypatch):
    times = {1024: 0.02, 2048: 0.2}
    monkeypatch.setattr(
        device, "_product_seconds", lambda matrix: times[matrix.shape[0]]
    )
    assert device.matrix_product_speed() == 2 * 1024**3 / 0.02


def pages(size):
    """Return memory of the system, not of the heap, whose pages are in use."""
    memory = np.frombuffer(mmap.mmap(-1, size), "uint8")
    memory[:] = 1
    return memory


@pytest.mark.backend_free
def test_peak_memory_counts_memory_freed_since(monkeypatch, small_products):
    peaks = []
    for _ in range(5):  # Linux may take pages away between two readings.
        pages(2**27)  # an earlier, higher peak
        before = pages(2**26)
        memory = device.PeakMemory()
        if memory.peak() is None or not memory.device.startswith("CPU"):
            pytest.skip("only Linux reports the memory of a process")
        assert memory.peak() < 2**24
        more = pages(2**26)
        del more, before
        peaks.append(memory.peak() / 2**26)
    assert 0.9 < max(peaks) < 1.5
    monkeypatch.setattr(device, "_status", lambda field: None)  # is unknown
    result = measure.measure(task(), lambda _: Work(list, list))
    assert "step_peak_mib" not in result


@pytest.mark.backend_free
def test_a_task_runs_in_a_process_of_its_own():
    result = processes.run_task(task(steps=1))
    assert result["step_seconds"] > 0
    assert result["software"]["keras"] == keras.__version__


@pytest.mark.backend_free
def test_a_process_that_fails_says_why(monkeypatch):
    done = types.SimpleNamespace()
    monkeypatch.setattr(processes.subprocess, "run", lambda *a, **k: done)
    for done.returncode, done.stderr, reason in (
        (-9, "", "killed, probably out of memory"),
        (-11, "", "stopped by signal 11"),
        (3, "", "exit status 3"),
        (1, "Traceback\n  …\nValueError: x\n", "ValueError: x"),
    ):
        assert processes.run_task(task()) == {"error": f"step: {reason}"}


@pytest.mark.backend_free
def test_tasks_take_turns_and_failed_ones_are_not_repeated(run):
    tasks = [task(name=name) for name in "ab"]
    run.given += [{"error": "no"}, {"x": 1}, {"x": 2}, {"x": 3}]
    lines = []
    results = processes.run_in_turn(tasks, 3, lines.append)
    assert [t.name for t in run.asked] == ["a", "b", "b", "b"]
    assert results == [[{"error": "no"}], [{"x": 1}, {"x": 2}, {"x": 3}]]
    assert lines[0] == f"1/3: a on {BACKEND}, step"
    assert len(lines) == 4


def measured(name, *results):
    return Measured(name, BACKEND, list(results))


@pytest.mark.backend_free
def test_ratios_are_taken_pair_by_pair():
    a = measured("a", *({"step_seconds": x} for x in (2.0, 6.0, 3.0)))
    b = measured("b", *({"step_seconds": x} for x in (1.0, 2.0, 3.0)))
    assert ratio(a, b, "step_seconds") == (2.0, 1.0, 3.0)
    assert ratio(a, b, "latency_seconds") is None
    failed = measured("c", {"step_seconds": 4.0}, {"error": "step: killed"})
    assert ratio(a, failed, "step_seconds") == (0.5, 0.5, 0.5)
    assert failed.errors == [f"c on {BACKEND} failed in step: killed"]
    assert f"{spread([1.0, 4.0, 2.0]):.1f}" == "2.0 (1.0–4.0)"
    assert f"{spread([1.0]):.1f}" == "1.0"
    assert spread([]) is None


@pytest.mark.backend_free
def test_profile_measures_both_models_alike(run):
    profile("MS_ConvLSTM", batch=3, steps=2, repeats=2, skips="fc", **SMALL)
    names = ["convlstm", "ms-convlstm"]
    assert [t.name for t in run.asked] == 4 * names
    modes = ["step", "step", "forecast", "forecast"]
    assert [t.mode for t in run.asked] == 2 * modes
    plain, multi_scale = (create(t.name, **t.options) for t in run.asked[:2])
    assert (plain.scales, plain.skips) == ((1, 1, 1), "none")
    assert (multi_scale.scales, multi_scale.skips) == ((1, 2, 1), "fc")
    for t, model in zip(run.asked, (plain, multi_scale), strict=False):
        assert t.flops == forecast_flops(model)
        assert (t.batch, t.steps, t.backend) == (3, 2, BACKEND)
        assert t.options["filters"] == 2
        json.dumps(t._asdict())


@pytest.mark.backend_free
def test_the_table_shows_figures_ratios_and_failures(run):
    step = {"first_step_seconds": 2.0, "step_seconds": 0.5, "runs": {}}
    run.given += [step, {**step, "step_seconds": 0.25}]
    run.given += [{"latency_seconds": 1.0}, {"error": "forecast: killed"}]
    shown = table(profile("convlstm", repeats=1, backend="jax", **SMALL))
    lines = shown.splitlines()
    assert {t.backend for t in run.asked} == {"jax"}
    assert lines[0].startswith("8×8×1, 2 → 2 frames, 2 filters")
    assert lines[0].endswith(", batch 4, float32, jax")
    assert lines[1].split() == ["convlstm", "ms-convlstm", "ratio"]
    assert lines[2].split()[-3:] == ["2.0", "2.0", "1.00"]
    assert lines[3].split()[-3:] == ["0.500", "0.250", "0.50"]
    (latency,) = (x for x in lines if x.startswith("forecast of one clip"))
    assert latency.split()[-3:] == ["1.000", "–", "–"]
    assert "ms-convlstm on jax failed in forecast: killed" in lines
    for label, _ in FIGURES.values():
        assert any(line.startswith(label) for line in lines)


@pytest.mark.backend_free
def test_bad_arguments_raise_before_anything_runs(run):
    for key, value in (("steps", 0), ("repeats", 0), ("backend", "numpy")):
        with pytest.raises(ValueError, match=f"Received: {key}={value!r}$"):
            profile("convlstm", **SMALL, **{key: value})
    assert not run.asked
