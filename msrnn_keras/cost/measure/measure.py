"""What one model takes, measured in this process."""

import importlib.metadata
import statistics
import time
from typing import Any, NamedTuple

import keras
import numpy as np

from msrnn_keras.cost.measure.device import PeakMemory, matrix_product_speed
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.models.ms_stack import create

MODES = ("step", "forecast")
MEBIBYTE = 2**20
# A gradient takes about twice the forward pass.
TRAINING_PASSES = 3


class Task(NamedTuple):
    """What to measure, in values that JSON can hold."""

    name: str  # such as "ms-convlstm"
    mode: str  # "step", of training, or "forecast"
    options: dict  # arguments of `create`
    batch: int
    steps: int  # timed ones, after the first
    flops: int  # of the forecast of one clip
    backend: str


class Work(NamedTuple):
    """A compiled model at work; both functions wait for their results."""

    step: Any  # without arguments: one training step
    forecast: Any  # of a number of clips


def stack_work(task):
    """The work of one of our models.

    Args:
        task: `Task`.

    Returns:
        `Work`.
    """
    model = create(task.name, **task.options)
    model.compile("adam", loss=FrameL1L2Loss())
    clips = random_clips(
        task.batch, model.context + model.horizon, model.image_shape
    )
    past, future = clips[:, : model.context], clips[:, model.context :]
    return Work(
        lambda: float(model.train_on_batch(past, future)),
        lambda count: model.predict(past[:count], verbose=0),
    )


def random_clips(batch, length, image_shape):
    """Clips of noise, `(batch, time, height, width, channels)`."""
    rng = np.random.default_rng(0)
    return rng.random((batch, length, *image_shape), dtype="float32")


def measure(task, build=stack_work):
    """The figures of one task. For a process that has done nothing else.

    Args:
        task: `Task`.
        build: Function of the task that gives its `Work`.

    Returns:
        Dict of numbers, see `msrnn_keras.cost.measure.report.FIGURES`, the
        seconds of each timed run as `"runs"`, and `"software"`.
    """
    work = build(task)
    memory = PeakMemory()
    mode = _step if task.mode == "step" else _forecast
    figures = mode(work, task)
    peak = memory.peak()
    if peak is not None:
        figures[f"{task.mode}_peak_mib"] = peak / MEBIBYTE
    policy = keras.dtype_policies.get(task.options.get("dtype"))
    speed = matrix_product_speed(policy.compute_dtype)
    figures["product_gflops"] = speed / 1e9
    figures[f"{task.mode}_utilisation"] = figures.pop("flops_rate") / speed
    figures["software"] = {
        "device": memory.device,
        "backend": f"{task.backend} {_version(task.backend)}",
        "keras": keras.__version__,
    }
    return figures


def _step(work, task):
    first = _seconds(work.step)
    runs = [_seconds(work.step) for _ in range(task.steps)]
    seconds = statistics.median(runs)
    flops = TRAINING_PASSES * task.flops * task.batch
    return {
        "first_step_seconds": first,
        "step_seconds": seconds,
        "flops_rate": flops / seconds,
        "runs": {"step": runs},
    }


def _forecast(work, task):
    first = _seconds(work.forecast, 1)
    single = [_seconds(work.forecast, 1) for _ in range(task.steps)]
    work.forecast(task.batch)  # May compile anew.
    whole = [_seconds(work.forecast, task.batch) for _ in range(task.steps)]
    seconds = statistics.median(whole)
    return {
        "first_forecast_seconds": first,
        "latency_seconds": statistics.median(single),
        "clips_per_second": task.batch / seconds,
        "flops_rate": task.flops * task.batch / seconds,
        "runs": {"single": single, "batch": whole},
    }


def _seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def _version(backend):
    names = importlib.metadata.packages_distributions()[backend]
    return importlib.metadata.version(names[0])
