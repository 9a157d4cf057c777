"""Growth of time and memory with frames, pixels and batch.

`python -m benchmarks.scaling` measures a model at three sizes of each, with
all else as the arguments say, and fits a power law: an exponent of 1 is
linear, less than 1 is linear with a constant part. Every figure is measured in
its own process.
"""

import argparse
import json
import pathlib

import keras
import numpy as np

from benchmarks.arguments import add_arguments, model_options
from benchmarks.run import markdown, say
from msrnn_keras.cost.measure.measure import MODES, Task
from msrnn_keras.cost.measure.processes import check_backend, run_in_turn
from msrnn_keras.cost.measure.report import Measured, spread
from msrnn_keras.utils.formatting import format_number

# Axis -> default sizes, and a function from a size to arguments.
AXES = {
    "frames": (
        (4, 8, 16),
        lambda n: {"context": n // 2, "horizon": n - n // 2},
    ),
    "sides": ((32, 64, 128), lambda n: {"size": n}),
    "batches": ((1, 2, 4), lambda n: {"batch": n}),
}


def main(arguments=None):
    options = parse(arguments)
    points = [
        (name, mode, axis, size)
        for name in options.models
        for mode in options.what
        for axis in AXES
        for size in getattr(options, axis)
    ]
    tasks = [task_of(*point, options) for point in points]
    done = run_in_turn(tasks, options.repeats, say)
    if options.json:
        record = [
            {"task": task._asdict(), "results": results}
            for task, results in zip(tasks, done, strict=True)
        ]
        pathlib.Path(options.json).write_text(json.dumps(record, indent=2))
    print(report(points, tasks, done))


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--models", nargs="+", default=["ms-convlstm"])
    parser.add_argument("--what", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--backend", default=keras.backend.backend())
    for axis, (sizes, _) in AXES.items():
        parser.add_argument(
            f"--{axis}", type=int, nargs="*", default=sizes, help=f"{sizes}"
        )
    add_arguments(parser, repeats=3)
    parser.set_defaults(filters=16, size=32, context=4, horizon=4, batch=2)
    options = parser.parse_args(arguments)
    check_backend(options.backend)
    return options


def task_of(name, mode, axis, size, options):
    chosen = argparse.Namespace(**{**vars(options), **AXES[axis][1](size)})
    sizes = model_options(name, chosen)
    # Utilization is not measured here, so the operations are not needed.
    return Task(
        name, mode, sizes, chosen.batch, options.steps, 0, options.backend
    )


def report(points, tasks, done):
    """Return a Markdown table with a row for each point."""
    rows = [["model", "what", "size", "s", "MiB", "exponents: s, MiB"]]
    rows.append(["---"] * len(rows[0]))
    groups = {}
    for point, task, results in zip(points, tasks, done, strict=True):
        *group, axis, size = point
        measured = Measured(point[0], task.backend, results)
        row = (size, work_of(axis, task), *figures(measured, task))
        groups.setdefault((*group, axis), []).append(row)
    for (name, mode, axis), group in groups.items():
        work = [point[1] for point in group]
        fits = [
            exponent(work, [p[i].median for p in group if p[i]]) for i in (2, 3)
        ]
        for size, _, seconds, memory in group:
            texts = format_number(seconds, ".3f"), format_number(memory, ",.0f")
            fitted = ", ".join(format_number(fit, ".2f") for fit in fits)
            rows.append([name, mode, f"{axis}: {size}", *texts, fitted])
    return markdown(rows)


def figures(measured, task):
    """Return the `Spread` of seconds of a batch and of peak memory."""
    if task.mode == "step":
        seconds = measured.values("step_seconds")
    else:
        rates = measured.values("clips_per_second")
        seconds = [task.batch / rate for rate in rates]
    return spread(seconds), spread(measured.values(f"{task.mode}_peak_mib"))


def work_of(axis, task):
    """Return the size that time and memory should be proportional to."""
    options = task.options
    if axis == "frames":
        return options["context"] + options["horizon"] - 1
    if axis == "sides":
        return options["image_shape"][0] ** 2
    return task.batch


def exponent(work, values):
    """Return the exponent of the fitted power law."""
    if len(values) < len(work) or len(work) < 2:
        return None
    return float(np.polyfit(np.log(work), np.log(values), 1)[0])


if __name__ == "__main__":
    main()
