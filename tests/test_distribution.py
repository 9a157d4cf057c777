"""Training on several devices equals training on one."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from msrnn_keras import distribution
from msrnn_keras.training import read_history, train
from msrnn_keras.training.keeper import RunKeeper
from msrnn_keras.training.recipe import load_recipe, parse_recipe
from tests.runs import RECIPE, state, write_mnist

BACKEND = keras.backend.backend()
ROOT = pathlib.Path(__file__).parents[1]
TIMEOUT = 600  # seconds; a busy machine takes minutes
FEW = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}

# Two epochs of two steps. The sampling rate stays 1, so that random draws do
# not matter.
SHORT = (
    RECIPE.replace("batch_size = 2", "batch_size = 4")
    .replace("epochs = 3", "epochs = 2")
    .replace("steps_per_epoch = 3", "steps_per_epoch = 2")
    .replace("warmup_steps = 2", "warmup_steps = 1")
    .replace("sampling_steps = 6", "sampling_steps = 1_000_000_000")
)

# Each process writes its losses and weights.
FIT = """
import os, sys
from tests import test_distribution
path, devices = sys.argv[1:]
test_distribution.fit(f"{path}-{os.getpid()}.npz", int(devices))
"""


class Batches(keras.utils.PyDataset):
    """Two batches of four clips of 2 + 2 frames."""

    @property
    def num_batches(self):
        return 2

    def __getitem__(self, index):
        clips = np.random.default_rng(index).random((4, 4, 8, 8, 1), "float32")
        return clips[:, :3], clips[:, 2:]


def replicas(model):
    """Return the number of devices of a model."""
    if BACKEND == "jax":
        return len(model.weights[0].value.sharding.device_set)
    if BACKEND == "tensorflow":
        return model.distribute_strategy.num_replicas_in_sync
    from torch import distributed

    return distributed.get_world_size() if distributed.is_initialized() else 1


def gloo_threads():
    """Return the number of Gloo threads of this process."""
    tasks = pathlib.Path("/proc/self/task").glob("*/comm")
    return sum("gloo" in task.read_text() for task in tasks)


def fit(path, devices=None):
    """Train a small model as a user would; save losses and weights."""
    from msrnn_keras import ScheduledSampling
    from msrnn_keras.losses import FrameL1L2Loss
    from msrnn_keras.metrics import MSE
    from tests.reference import tiny

    sizes = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
    threads = gloo_threads()
    with distribution.scope(devices) as group:
        model = tiny(**sizes, scales=(1,), sampling=ScheduledSampling(1.0, 1.0))
        adam = keras.optimizers.Adam(0.01, epsilon=1e-3)
        model.compile(adam, loss=FrameL1L2Loss(), metrics=[MSE()])
        history = group.wrap(model).fit(
            group.shard(Batches()),
            validation_data=group.shard(Batches()),
            epochs=2,
            shuffle=False,
            verbose=0,
        )
        facts = group.any(not group.is_main), group.any(False), replicas(model)
    assert gloo_threads() <= threads
    weights = {f"w{i}": w for i, w in enumerate(model.get_weights())}
    np.savez(path, facts=facts, **history.history, **weights)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("distribution")


@pytest.fixture(scope="module")
def mnist(folder):
    return str(write_mnist(folder / "mnist.npz"))


@pytest.fixture(scope="module")
def recipe(folder):
    path = folder / "short.toml"
    path.write_text(SHORT)
    return str(path)


@pytest.fixture(scope="module")
def fitted(folder):
    """The outcome on one device."""
    fit(folder / "one.npz")
    outcome = dict(np.load(folder / "one.npz"))
    assert outcome.pop("facts").tolist() == [False, False, 1]
    return outcome


@pytest.fixture(scope="module")
def begun(folder, recipe, mnist):
    """A run on one device, stopped after its first epoch."""

    class Stopped(RunKeeper):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("msrnn_keras.training.run.RunKeeper", Stopped)
        with pytest.raises(KeyboardInterrupt):
            train(load_recipe(recipe), folder / "begun", mnist, verbose=0)
    return folder / "begun"


@pytest.fixture(scope="module")
def uncut(folder, recipe, mnist, begun):
    """The same run, finished on one device."""
    run = shutil.copytree(begun, folder / "uncut")
    train(load_recipe(recipe), run, mnist, verbose=0)
    return run


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def run_together(*commands):
    """Run commands `(arguments of Python, environment)` concurrently."""
    with contextlib.ExitStack() as stack:
        processes = []
        for arguments, environment in commands:
            process = subprocess.Popen(
                [sys.executable, *map(str, arguments)],
                cwd=ROOT,
                env={**os.environ, **FEW, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            output, _ = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0, output


def in_two_processes(*arguments):
    """Return the commands that start two processes on this machine."""
    if BACKEND == "torch":
        (port,) = free_ports(1)
        torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
        return [([*torchrun, "--master-port", port, *arguments], {})]
    if BACKEND == "tensorflow":
        workers = [f"localhost:{port}" for port in free_ports(2)]
        configs = [
            {
                "cluster": {"worker": workers},
                "task": {"type": "worker", "index": index},
            }
            for index in range(2)
        ]
        return [(arguments, {"TF_CONFIG": json.dumps(c)}) for c in configs]
    pytest.skip("on JAX one process drives all devices")


def assert_close(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(
            a[name], b[name], rtol=1e-4, atol=1e-5, err_msg=name
        )


def assert_same_run(run, other):
    rows, others = read_history(run), read_history(other)
    assert [row.pop("epoch") for row in rows] == [0, 1]
    for row, expected in zip(rows, others, strict=True):
        for name in row.keys() - {"seconds", "cpu_seconds"}:
            assert row[name] == pytest.approx(expected[name], rel=1e-4), name
    assert_close(
        state(run / "checkpoint.keras"), state(other / "checkpoint.keras")
    )


# === Equal to one device ===


@pytest.mark.skipif(BACKEND == "torch", reason="one process per device")
def test_two_devices_fit_as_one(folder, fitted):
    run_together((["-c", FIT, folder / "devices", 2], {}))
    (path,) = folder.glob("devices-*.npz")
    outcome = dict(np.load(path))
    assert outcome.pop("facts").tolist() == [False, False, 2]
    assert_close(outcome, fitted)


def test_two_processes_fit_as_one(folder, fitted, tmp_path):
    script = tmp_path / "fit.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{FIT}")
    devices = 2 if BACKEND == "torch" else 1
    run_together(*in_two_processes(script, tmp_path / "process", devices))
    outcomes = [dict(np.load(path)) for path in tmp_path.glob("process-*.npz")]
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome.pop("facts").tolist() == [True, False, 2]
        assert_close(outcome, fitted)
    for name in outcomes[0]:
        np.testing.assert_array_equal(outcomes[0][name], outcomes[1][name])


def test_run_resumes_on_two_devices(tmp_path, begun, uncut, recipe, mnist):
    run = shutil.copytree(begun, tmp_path / "run")
    command = ["-m", "msrnn_keras.cli", "train", recipe, "--out", run]
    command += ["--data", mnist, "--max-minutes", "60"]
    if BACKEND == "tensorflow":  # Two devices of one process are tested above.
        run_together(*in_two_processes(*command))
    else:
        run_together(([*command, "--devices", "2"], {}))
    assert_same_run(run, uncut)
    assert {path.name for path in run.iterdir()} == {
        path.name for path in uncut.iterdir()
    }
    # One device can load the checkpoint.
    train(load_recipe(recipe), run, mnist, verbose=0)


# === Refused arguments ===


@pytest.mark.parametrize("devices", [0, -1, 1.5, True])
def test_devices_must_be_a_positive_integer(devices):
    with pytest.raises(ValueError, match=f"Received: devices={devices}$"):
        distribution.run(print, devices=devices)


@pytest.mark.parametrize("name", ["batch_size", "validation_clips"])
def test_batches_must_be_split_evenly(tmp_path, name):
    odd = parse_recipe(SHORT, "odd.toml").change_training(**{name: 5})
    with pytest.raises(ValueError, match=f"2 devices. Received: {name}=5$"):
        train(odd, tmp_path / "run", devices=2)
    assert not (tmp_path / "run").exists()


def test_more_devices_than_there_are(monkeypatch):
    keras.ops.ones(1)  # TensorFlow and JAX now have their devices.
    if BACKEND == "torch":
        monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ValueError, match="than there are.*devices=64$"):
        distribution.run(print, devices=64)


def test_one_device_needs_nothing():
    assert distribution.run(lambda group, a: (group.is_main, a), 3) == (True, 3)
    assert distribution.count() == distribution.count(1) == 1


# === Processes of PyTorch ===


def fail_as_second(group):
    if not group.is_main:
        raise ValueError("the second process fails")


@pytest.fixture
def torch_only():
    if BACKEND != "torch":
        pytest.skip("processes of torch.distributed")


def test_failing_process_ends_the_others(torch_only):
    with pytest.raises(RuntimeError):
        distribution.run(fail_as_second, devices=2)


def test_scope_of_one_process_has_one_device(torch_only):
    with pytest.raises(ValueError, match="torchrun.*Received: devices=2$"):
        with distribution.scope(devices=2):
            pass


def test_torchrun_determines_the_devices(torch_only, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "6")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert distribution.count() == distribution.count(3) == 6
    with pytest.raises(ValueError, match="here, 3. Received: devices=2$"):
        distribution.count(2)


def test_process_feeds_its_shard_of_each_batch():
    part = distribution.torch.Processes(1, 2).shard(Batches())
    for some, whole in zip(part[1], Batches()[1], strict=True):
        np.testing.assert_array_equal(some, whole[2:])
    with pytest.raises(ValueError, match="Received: a batch of 4$"):
        distribution.torch.Processes(0, 3).shard(Batches())[0]


# === Workers of TensorFlow ===


@pytest.fixture
def two_workers(monkeypatch):
    if BACKEND != "tensorflow":
        pytest.skip("workers of TensorFlow")
    cluster = {"chief": ["a:1"], "worker": ["b:1"], "evaluator": ["c:1"]}
    task = {"type": "worker", "index": 0}
    config = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", config)


def test_devices_of_all_workers_count(two_workers):
    assert distribution.count() == 2
    assert distribution.count(3) == 6


def test_worker_without_gpu_has_one_device(two_workers, monkeypatch):
    import tensorflow as tf

    cpu = tf.config.PhysicalDevice("cpu:0", "CPU")
    monkeypatch.setattr(
        tf.config,
        "list_physical_devices",
        lambda kind: [cpu] if kind == "CPU" else [],
    )
    with pytest.raises(ValueError, match="than there are, 1 .*devices=2$"):
        with distribution.scope(devices=2):
            pass
