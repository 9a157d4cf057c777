"""Runs the tests on every backend: `python -m tests [pytest arguments]`."""

import os
import subprocess
import sys

BACKENDS = ("tensorflow", "jax", "torch")
COMPLETE = "torch"  # the others leave out what no backend computes
# Two processes share the cores, so each backend computes on one; JAX compiles
# far more than it computes here.
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTRAOP_THREADS": "1",
}
FAST_COMPILATION = (
    "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true"
)


def main(arguments):
    """Run pytest once for each backend; returns the worst exit status.

    Tests marked `backend_free` run once, in the fastest of the three.
    """
    worst = 0
    for backend in BACKENDS:
        print(f"=== KERAS_BACKEND={backend}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2"]
        if backend != COMPLETE:
            command += ["-m", "not backend_free"]
        environment = {**SETTINGS, **os.environ, "KERAS_BACKEND": backend}
        if backend == "jax":
            environment.setdefault("XLA_FLAGS", FAST_COMPILATION)
        run = subprocess.run([*command, *arguments], env=environment)
        worst = max(worst, abs(run.returncode))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
