"""A training step of SimVP beside a plain PyTorch model of the same layers.

`python -m benchmarks.simvp` measures `simvp-v2` and `simvp` at the published
Moving MNIST size, float32, on Keras' backend and as the PyTorch modules of
`benchmarks.simvp_torch`. Each figure comes from its own process, in turn: the
median time of a step with Adam and a mean squared error, and the peak of the
process's memory above that after the imports. Linux only.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

MEBIBYTE = 2**20
MODELS = ("simvp-v2", "simvp")


def torch_model(name, options):
    """Return a training step of PyTorch and the number of parameters."""
    from benchmarks.simvp_torch import training_step

    return training_step(name, options)


def keras_model(name, options):
    """Return a training step of our model and its number of parameters."""
    import msrnn_keras

    model = msrnn_keras.create(
        name,
        image_shape=(options.size, options.size, 1),
        context=options.frames,
        horizon=options.frames,
        filters=options.filters,
        translator_filters=options.translator_filters,
        spatial_layers=options.layers,
        translator_blocks=options.blocks,
    )
    for block in model.layers:
        for part in ("drop_path1", "drop_path2"):
            if hasattr(block, part):
                getattr(block, part).rate = 0.0
    model.compile("adam", loss="mse")
    count = sum(np.prod(w.shape) for w in model.trainable_variables)
    return model.train_on_batch, int(count)


def measure(options):
    """Return median seconds, peak MiB and parameters of this process."""
    plain = options.kind == "plain"
    make = torch_model if plain else keras_model
    step, parameters = make(options.model, options)
    side = options.size
    shape = (options.batch, options.frames, side, side, 1)
    rng = np.random.default_rng(0)
    past, future = rng.random((2, *shape), dtype="float32")
    before, seconds = resident(), []
    for _ in range(options.steps + 1):
        start = time.perf_counter()
        step(past, future)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": statistics.median(seconds[1:]),
        "MiB": (peak - before) / MEBIBYTE,
        "parameters": parameters,
    }


def resident():
    """Return the resident bytes of this process."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def in_fresh_process(model, kind):
    """Return `measure` of a new process."""
    command = [sys.executable, "-m", "benchmarks.simvp", *sys.argv[1:]]
    command += ["--model", model, "--kind", kind]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simvp")
    sizes = {"batch": 4, "size": 64, "frames": 10, "filters": 64}
    sizes |= {"translator-filters": 512, "layers": 4, "blocks": 8}
    sizes |= {"steps": 3, "repeats": 3}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.model:
        print(json.dumps(measure(options)))
        return
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    print(f"| model | {backend}, s | PyTorch, s | ratio | MiB | PyTorch, MiB |")
    print("|---|---|---|---|---|---|")
    for model in MODELS:
        runs = {"ours": [], "plain": []}
        for _ in range(options.repeats):
            for kind, results in runs.items():
                results.append(in_fresh_process(model, kind))
        pairs = zip(*runs.values(), strict=True)
        ratios = sorted(a["seconds"] / b["seconds"] for a, b in pairs)
        ours, plain = (
            {
                k: statistics.median(r[k] for r in runs[kind])
                for k in runs[kind][0]
            }
            for kind in runs
        )
        if ours["parameters"] != plain["parameters"]:
            raise RuntimeError(f"The models differ. Received: {runs}")
        ratio = statistics.median(ratios)
        texts = [f"{ours['seconds']:.2f}", f"{plain['seconds']:.2f}"]
        texts.append(f"{ratio:.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})")
        texts += [f"{ours['MiB']:.0f}", f"{plain['MiB']:.0f}"]
        print(f"| `{model}` | {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
