"""Our models beside reference implementations, in one run.

`python -m benchmarks.run` measures the training step and the forecast of each
model on each backend, and prints Markdown tables with the ratios to the
references. Every figure is measured in its own process, one at a time; all
take turns, and ratios are taken turn by turn. The reference implementations
are `torch-loop`, a plain PyTorch loop in the faster of its two memory layouts,
`convlstm2d`, `keras.layers.ConvLSTM2D` in a plain `keras.layers.RNN`, and
`keras-loop`, our own cell in the same loop; the prefix `ms-` stands for the
multi-scale stack. `--from FILE` prints the tables of an earlier run.
"""

import argparse
import json
import pathlib
import sys

from benchmarks import subjects
from benchmarks.arguments import add_arguments, model_options
from msrnn_keras.cost.measure.measure import MODES, Task
from msrnn_keras.cost.measure.processes import (
    check_backend,
    run_in_turn,
    run_task,
)
from msrnn_keras.cost.measure.report import (
    FIGURES,
    NOTES,
    Measured,
    ratio,
    spread,
)
from msrnn_keras.utils.formatting import format_number

WORKER = "benchmarks.subjects"


def say(line):
    print(line, file=sys.stderr, flush=True)


def main(arguments=None):
    options = parse(arguments)
    if options.earlier:
        record = json.loads(pathlib.Path(options.earlier).read_text())
    else:
        record = {"options": vars(options), "measured": run(options)}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(record, indent=2))
    measured = [Measured(**row) for row in record["measured"]]
    print(report(measured, options.references))


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    for name, default in (
        ("models", ["ms-convlstm", "convlstm"]),
        ("peers", ["ms-torch-loop", "ms-convlstm2d"]),
        ("backends", ["tensorflow"]),
        ("references", ["ms-torch-loop", "ms-convlstm2d", "convlstm"]),
    ):
        parser.add_argument(f"--{name}", nargs="*", default=default)
    parser.add_argument("--what", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--from", dest="earlier", help="file of --json")
    add_arguments(parser, repeats=5)
    options = parser.parse_args(arguments)
    for backend in options.backends:
        check_backend(backend)
    return options


def run(options):
    """Return the fields of a `Measured` for each model and backend."""
    pairs = [
        (name, backend)
        for name in (*options.models, *options.peers)
        for backend in backends_of(name, options.backends)
    ]
    tasks = [
        task_of(name, backend, mode, options)
        for mode in options.what
        for name, backend in pairs
    ]
    done = run_in_turn(tasks, options.repeats, say, WORKER)
    results = [sum(done[i :: len(pairs)], []) for i in range(len(pairs))]
    return [
        Measured(*pair, found)._asdict()
        for pair, found in zip(pairs, results, strict=True)
    ]


def backends_of(name, backends):
    return ["torch"] if name.endswith("torch-loop") else backends


def task_of(name, backend, mode, options):
    """Return the task of a name; a PyTorch loop has its faster layout."""
    sizes = model_options(name, options)
    count = subjects.flops(name, sizes)
    task = Task(name, mode, sizes, options.batch, options.steps, count, backend)
    return faster_layout(task) if name.endswith("torch-loop") else task


def faster_layout(task):
    """Return a PyTorch loop's task in the faster memory layout."""
    figure = "step_seconds" if task.mode == "step" else "latency_seconds"
    seconds = {}
    for channels_last in (True, False):
        options = {**task.options, "channels_last": channels_last}
        result = run_task(task._replace(options=options), WORKER)
        taken = seconds[channels_last] = result.get(figure, float("inf"))
        layout = f"channels_last={channels_last}"
        say(f"{task.name}, {task.mode}, {layout}: {taken:.3f} s")
    fastest = min(seconds, key=seconds.get)
    return task._replace(options={**task.options, "channels_last": fastest})


def report(measured, references):
    """Return a Markdown table for each figure.

    A model is compared with a reference on its own backend if it was measured
    there, else on the reference's backend.
    """
    present = {m.name for m in measured}
    references = [name for name in references if name in present]
    parts = []
    for figure, (label, form) in FIGURES.items():
        found = [m for m in measured if m.values(figure)]
        rows = [row(m, measured, references, figure, form) for m in found]
        if rows:
            heads = ["backend", "model", label]
            heads += [f"÷ {name}" for name in references]
            parts.append(markdown([heads, ["---"] * len(heads), *rows]))
    errors = [line for m in measured for line in m.errors]
    return "\n\n".join([*parts, *errors, NOTES])


def row(model, measured, references, figure, form):
    ratios = []
    for name in references:
        found = [m for m in measured if m.name == name]
        same = [m for m in found if m.backend == model.backend]
        reference = (same or found)[0]
        change = format_number(ratio(model, reference, figure), ".2f")
        ratios.append("1" if reference is model else change)
    value = format_number(spread(model.values(figure)), form)
    return [model.backend, model.name, value, *ratios]


def markdown(rows):
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
