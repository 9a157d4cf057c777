"""Runs the tests: `python -m tests [BACKEND ...] [--quick] [pytest arguments]`.

The default is all tests on every backend.
"""

import itertools
import os
import pathlib
import subprocess
import sys

BACKENDS = ("tensorflow", "jax", "torch")
COMPLETE = "torch"  # the others skip tests marked `backend_free`
QUICK = "--quick"  # skips tests marked `slow`
# Each takes half of the tests, then some of the other's: files stay together.
PROCESSES = ("-n", "2", "--dist", "worksteal")
# Two processes share the cores, so each backend uses one thread.
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTRAOP_THREADS": "1",
}
# JAX compiles more than it computes: without optimization, with a cache.
JAX_SETTINGS = {
    "XLA_FLAGS": "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true",
    "JAX_COMPILATION_CACHE_DIR": str(
        pathlib.Path(__file__).parents[1] / ".pytest_cache" / "jax"
    ),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def main(arguments):
    """Run pytest once for each backend; returns the worst exit status.

    Tests marked `backend_free` run once, in the fastest of the three.
    """
    own = itertools.takewhile({*BACKENDS, QUICK}.__contains__, arguments)
    own = list(own)
    arguments = arguments[len(own) :]
    worst, quick = 0, QUICK in own
    for backend in [x for x in own if x != QUICK] or BACKENDS:
        print(f"=== KERAS_BACKEND={backend}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", *PROCESSES]
        skipped = ["backend_free"] * (backend != COMPLETE) + ["slow"] * quick
        if skipped:
            command += ["-m", " and ".join(f"not {x}" for x in skipped)]
        settings = {**SETTINGS, **(JAX_SETTINGS if backend == "jax" else {})}
        environment = {**settings, **os.environ, "KERAS_BACKEND": backend}
        run = subprocess.run([*command, *arguments], env=environment)
        worst = max(worst, abs(run.returncode))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
