"""Time and memory of one model, measured in this process."""

import statistics
import time
from typing import Any, NamedTuple

import keras
import numpy as np

from msrnn_keras.cost.measure.device import (
    PeakMemory,
    matrix_product_speed,
    version_of,
)
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.models.ms_stack import create

MODES = ("step", "forecast")
MEBIBYTE = 2**20
# A gradient takes about twice the operations of the forward pass.
TRAINING_PASSES = 3


class Task(NamedTuple):
    """What to measure, as values that JSON can hold."""

    name: str  # such as "ms-convlstm"
    mode: str  # "step", of training, or "forecast"
    options: dict  # arguments of `create`
    batch: int
    steps: int  # timed calls, after the first
    flops: int  # of the forecast of one clip
    backend: str


class Work(NamedTuple):
    """Functions of a compiled model that wait for their results."""

    step: Any  # one training step, without arguments
    forecast: Any  # a forecast of a number of clips


def stack_work(task):
    """Return the `Work` of one of our models."""
    model = create(task.name, **task.options)
    model.compile("adam", loss=FrameL1L2Loss())
    length = model.context + model.horizon
    clips = random_clips(task.batch, length, model.image_shape)
    past, future = clips[:, : model.context], clips[:, model.context :]
    return Work(
        lambda: float(model.train_on_batch(past, future)),
        lambda count: model.predict(past[:count], verbose=0),
    )


def random_clips(batch, length, image_shape):
    """Return clips of noise, `(batch, time, height, width, channels)`."""
    rng = np.random.default_rng(0)
    return rng.random((batch, length, *image_shape), dtype="float32")


def measure(task, build=stack_work):
    """Measure the `FIGURES` of a task; the process must be new."""
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
    figures[f"{task.mode}_utilization"] = figures.pop("flops_rate") / speed
    figures["software"] = {
        "device": memory.device,
        "backend": f"{task.backend} {version_of(task.backend)}",
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
    work.forecast(task.batch)  # This call may compile again.
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
