"""Measurements in separate processes, one at a time."""

import importlib.util
import json
import os
import signal
import subprocess
import sys

from msrnn_keras.cost.measure.measure import Task, measure, stack_work

BACKENDS = ("tensorflow", "jax", "torch")
WORKER = "msrnn_keras.cost.measure"  # the module to run, see `__main__.py`


def check_backend(backend):
    """Raise a ValueError for a backend that is unknown or not installed."""
    if backend not in BACKENDS or importlib.util.find_spec(backend) is None:
        raise ValueError(
            f"The backend must be one of {', '.join(BACKENDS)}, and "
            f"installed. Received: backend={backend!r}"
        )


def answer(build=stack_work):
    """Measure the task in this process's argument and print the result."""
    task = Task(**json.loads(sys.argv[1]))
    print(json.dumps(measure(task, build)))


def run_task(task, module=WORKER):
    """Measure a task in a new process; return {"error": …} if it fails."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(task._asdict())],
        env={**quiet, **os.environ, "KERAS_BACKEND": task.backend},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return {"error": f"{task.mode}: {_reason(done)}"}
    return json.loads(done.stdout.splitlines()[-1])


def _reason(done):
    """Return one line that says why a process failed."""
    status = done.returncode
    if status == -signal.SIGKILL:
        return "killed, probably out of memory"
    if status < 0:
        return f"stopped by signal {-status}"
    lines = done.stderr.strip().splitlines() or [f"exit status {status}"]
    return lines[-1].strip()


def run_in_turn(tasks, repeats, progress=None, module=WORKER):
    """Measure tasks in turn, `repeats` times; a failed one is not repeated."""
    results = [[] for _ in tasks]
    for repeat in range(repeats):
        for task, done in zip(tasks, results, strict=True):
            if done and "error" in done[-1]:
                continue
            if progress is not None:
                progress(
                    f"{repeat + 1}/{repeats}: {task.name} on {task.backend}, "
                    f"{task.mode}"
                )
            done.append(run_task(task, module))
    return results
