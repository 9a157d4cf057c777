"""Speed of making Moving MNIST training clips.

`python -m benchmarks.moving_mnist` makes batches as `fit` reads them, in one
process, and prints clips per second of CPU time (per core) and of wall time.
"""

import argparse
import time

from benchmarks.run import markdown
from msrnn_keras.cost.measure.report import spread
from msrnn_keras.data import MovingMNIST, sample_digits


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.moving_mnist")
    sizes = {"size": 64, "length": 20, "batch": 16, "batches": 100}
    for name, default in {**sizes, "repeats": 5}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--path", help="an mnist.npz; default: sample digits")
    options = parser.parse_args(arguments)
    measured = measure(options)
    form = f"{options.length}×{options.size}×{options.size}"
    print(f"Clips of {form}, batches of {options.batch}, clips per second:\n")
    rows = [["per core (CPU time)", "wall time"], ["---"] * 2]
    rows.append([f"{spread(rates):,.0f}" for rates in measured])
    print(markdown(rows))


def measure(options):
    """Return clips per second of CPU and wall time, for each repeat."""
    dataset = MovingMNIST(
        "train",
        num_clips=options.batch * options.batches,
        batch_size=options.batch,
        context=options.length // 2,
        horizon=options.length - options.length // 2,
        image_shape=(options.size, options.size),
        path=options.path,
        digits=None if options.path else sample_digits("train"),
        teacher_forcing=True,
    )
    dataset[0]
    return zip(*[_rates(dataset) for _ in range(options.repeats)], strict=True)


def _rates(dataset):
    cpu, clock = time.process_time(), time.perf_counter()
    for index in range(len(dataset)):
        dataset[index]
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return dataset.num_clips / cpu, dataset.num_clips / clock


if __name__ == "__main__":
    main()
