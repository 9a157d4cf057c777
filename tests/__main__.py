"""Runs the tests on every backend: `python -m tests [pytest arguments]`."""

import os
import subprocess
import sys

BACKENDS = ("tensorflow", "jax", "torch")


def main(arguments):
    """Run pytest once for each backend; returns the worst exit status."""
    worst = 0
    for backend in BACKENDS:
        print(f"=== KERAS_BACKEND={backend}", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2"]
        environment = {**os.environ, "KERAS_BACKEND": backend}
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        run = subprocess.run([*command, *arguments], env=environment)
        worst = max(worst, abs(run.returncode))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
