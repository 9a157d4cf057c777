"""Measurements in processes of their own, one at a time."""

import importlib.util
import json
import os
import signal
import subprocess
import sys

from msrnn_keras.cost.measure.measure import Task, measure, stack_work

BACKENDS = ("tensorflow", "jax", "torch")
WORKER = "msrnn_keras.cost.measure"  # the module that is run, see `__main__.py`


def check_backend(backend):
    """Refuse a backend that is unknown or not installed.

    Args:
        backend: String.

    Raises:
        ValueError: If it cannot be used.
    """
    if backend not in BACKENDS or importlib.util.find_spec(backend) is None:
        raise ValueError(
            f"The backend must be one of {', '.join(BACKENDS)}, and "
            f"installed. Received: backend={backend!r}"
        )


def answer(build=stack_work):
    """Measure the task that this process was started with, and print it.

    Args:
        build: Function of the task that gives its `Work`.
    """
    task = Task(**json.loads(sys.argv[1]))
    print(json.dumps(measure(task, build)))


def run_task(task, module=WORKER):
    """Measure a task in a process of its own.

    Args:
        task: `Task`.
        module: String, a module that calls `answer` where it is run.

    Returns:
        Dict, what `measure` gives; or `{"error": reason}` where the process
        failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(task._asdict())],
        env={
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **os.environ,
            "KERAS_BACKEND": task.backend,
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = _reason(done.returncode, done.stderr)
        return {"error": f"{task.mode}: {reason}"}
    return json.loads(done.stdout.splitlines()[-1])


def _reason(status, stderr):
    """Why a process failed, in a line."""
    if status == -signal.SIGKILL:
        return "killed, probably for want of memory"
    if status < 0:
        return f"stopped by signal {-status}"
    lines = stderr.strip().splitlines() or [f"exit status {status}"]
    return lines[-1].strip()


def run_in_turn(tasks, repeats, progress=None, module=WORKER):
    """Measure tasks one after the other, and all of them again.

    A task that failed is not measured again.

    Args:
        tasks: List of `Task`.
        repeats: Integer, how often each is measured.
        progress: Function of a line of text, called before each process.
        module: String, as in `run_task`.

    Returns:
        List of lists, the results of each task in the order of the repeats.
    """
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
