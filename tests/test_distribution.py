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
SHORT = {"batch_size": 4, "epochs": 2, "steps_per_epoch": 2, "warmup_steps": 1}
SHORT = parse_recipe(RECIPE, "short.toml").change_training(
    **SHORT, sampling_steps=1_000_000_000
)

CALLS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests import test_distribution
for call in sys.argv[1:]:
    name, *arguments = call.split(",")
    getattr(test_distribution, name)(*arguments)
"""


class Batches(keras.utils.PyDataset):
    """Two batches of four clips of 2 + 2 frames."""

    num_batches = 2

    def __getitem__(self, index):
        clips = np.random.default_rng(index).random((4, 4, 8, 8, 1), "float32")
        return clips[:, :3], clips[:, 2:]


def replicas(model, group):
    if BACKEND == "jax":
        return len(model.weights[0].value.sharding.device_set)
    if BACKEND == "tensorflow":
        return model.distribute_strategy.num_replicas_in_sync
    return getattr(group, "size", 1)


def gloo_threads():
    tasks = pathlib.Path("/proc/self/task").glob("*/comm")
    return sum("gloo" in task.read_text() for task in tasks)


def fit(path, devices=1):
    """Train a small model as a user would; save losses and weights."""
    from msrnn_keras import ScheduledSampling
    from msrnn_keras.losses import FrameL1L2Loss
    from msrnn_keras.metrics import MSE
    from tests.reference import tiny

    sizes = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
    threads = gloo_threads()
    with distribution.scope(int(devices)) as group:
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
        heard = group.any(not group.is_main), group.any(False)
        facts = (*heard, replicas(model, group))
    assert gloo_threads() <= threads
    weights = {f"w{i}": w for i, w in enumerate(model.get_weights())}
    path = f"{path}-{os.getpid()}.npz"
    np.savez(path, facts=facts, **history.history, **weights)


class Worker(RunKeeper):
    """Also checks that the main process hears the other one."""

    def on_train_begin(self, logs=None):
        assert self.group.any(not self.group.is_main)
        assert not self.group.any(False)


def work(*arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("msrnn_keras.training.run.RunKeeper", Worker)
        resume(*arguments, devices=1)


def resume(recipe, run, mnist, devices=2):
    train(load_recipe(recipe), run, mnist, verbose=0, devices=devices)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("distribution")


@pytest.fixture(scope="module")
def mnist(folder):
    return str(write_mnist(folder / "mnist.npz"))


@pytest.fixture(scope="module")
def recipe(folder):
    path = folder / "short.toml"
    path.write_text(SHORT.text)
    return str(path)


@pytest.fixture(scope="module")
def fitted(folder):
    fit(folder / "one")
    return read_outcome(folder / "one", [False, False, 1])


@pytest.fixture(scope="module")
def uncut(folder, recipe, mnist):
    """A run on one device; `begun` beside it is a copy after one epoch."""

    class Copied(RunKeeper):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            if epoch == 1:
                shutil.copytree(self.run_dir, folder / "begun")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("msrnn_keras.training.run.RunKeeper", Copied)
        train(load_recipe(recipe), folder / "uncut", mnist, verbose=0)
    return folder / "uncut"


@pytest.fixture
def run(tmp_path, uncut):
    return shutil.copytree(uncut.with_name("begun"), tmp_path / "run")


def free_ports():
    with socket.socket() as one, socket.socket() as two:
        one.bind(("localhost", 0))
        two.bind(("localhost", 0))
        return one.getsockname()[1], two.getsockname()[1]


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


def read_outcome(path, facts):
    """Return what the only process wrote in `fit`."""
    (path,) = path.parent.glob(f"{path.name}-*.npz")
    outcome = dict(np.load(path))
    assert outcome.pop("facts").tolist() == facts
    return outcome


def assert_close(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], 1e-4, 1e-5, err_msg=name)


def assert_resumed(run, uncut, recipe, mnist):
    rows = read_history(run)
    assert [row.pop("epoch") for row in rows] == [0, 1]
    for row, expected in zip(rows, read_history(uncut), strict=True):
        for name in row.keys() - {"seconds", "cpu_seconds"}:
            assert row[name] == pytest.approx(expected[name], rel=1e-4), name
    assert_close(*(state(path / "checkpoint.keras") for path in (run, uncut)))
    assert {p.name for p in run.iterdir()} == {p.name for p in uncut.iterdir()}
    resume(recipe, run, mnist, None)  # One device can load the checkpoint.


@pytest.mark.skipif(BACKEND == "torch", reason="one process per device")
def test_two_devices_equal_one(tmp_path, fitted, run, uncut, recipe, mnist):
    calls = [f"fit,{tmp_path / 'two'},2"]
    if BACKEND == "jax":
        calls.append(f"resume,{recipe},{run},{mnist}")
    run_together((["-c", CALLS, *calls], {}))
    assert_close(read_outcome(tmp_path / "two", [False, False, 2]), fitted)
    if BACKEND == "jax":
        assert_resumed(run, uncut, recipe, mnist)


@pytest.mark.skipif(BACKEND == "jax", reason="one process drives all devices")
def test_run_resumes_in_two_processes(run, uncut, recipe, mnist):
    if BACKEND == "torch":
        resume(recipe, run, mnist)
    else:
        workers = [f"localhost:{port}" for port in free_ports()]
        call, commands = f"work,{recipe},{run},{mnist}", []
        for index in range(2):
            task = {"type": "worker", "index": index}
            config = {"cluster": {"worker": workers}, "task": task}
            environment = {"TF_CONFIG": json.dumps(config)}
            commands.append((["-c", CALLS, call], environment))
        run_together(*commands)
    assert_resumed(run, uncut, recipe, mnist)


def test_refused_devices_and_batches(tmp_path, monkeypatch):
    for devices in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=f"Received: devices={devices}$"):
            distribution.run(print, devices=devices)
    for name in ("batch_size", "validation_clips"):
        odd = SHORT.change_training(**{name: 5})
        with pytest.raises(ValueError, match=f"2 devices. Received: {name}=5$"):
            train(odd, tmp_path / "run", devices=2)
    assert not (tmp_path / "run").exists()
    assert distribution.run(lambda group, a: (group.is_main, a), 3) == (True, 3)
    assert distribution.count() == distribution.count(1) == 1
    keras.ops.ones(1)  # TensorFlow and JAX now have their devices.
    if BACKEND == "torch":
        monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ValueError, match="than there are.*devices=64$"):
        distribution.run(print, devices=64)


torch_only = pytest.mark.skipif(BACKEND != "torch", reason="needs torchrun")


def fail_as_second(group):
    if not group.is_main:
        raise ValueError("the second process fails")


@torch_only
def test_two_processes_fit_as_one(fitted, tmp_path):
    script = tmp_path / "calls.py"
    script.write_text(CALLS)
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
    port = ["--master-port", free_ports()[0]]
    call = f"fit,{tmp_path / 'process'},2"
    run_together(([*torchrun, *port, script, call], {}))
    outcomes = [dict(np.load(path)) for path in tmp_path.glob("process-*.npz")]
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome.pop("facts").tolist() == [True, False, 2]
        assert_close(outcome, fitted)
    for name in outcomes[0]:
        np.testing.assert_array_equal(outcomes[0][name], outcomes[1][name])


@torch_only
def test_failing_processes_and_torchrun(monkeypatch):
    with pytest.raises(RuntimeError):
        distribution.run(fail_as_second, devices=2)
    with pytest.raises(ValueError, match="torchrun.*Received: devices=2$"):
        with distribution.scope(devices=2):
            pass
    monkeypatch.setenv("WORLD_SIZE", "6")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert distribution.count() == distribution.count(3) == 6
    with pytest.raises(ValueError, match="here, 3. Received: devices=2$"):
        distribution.count(2)


@pytest.mark.backend_free
def test_process_feeds_its_shard_of_each_batch():
    part = distribution.torch.Processes(1, 2).shard(Batches())
    for some, whole in zip(part[1], Batches()[1], strict=True):
        np.testing.assert_array_equal(some, whole[2:])
    with pytest.raises(ValueError, match="Received: a batch of 4$"):
        distribution.torch.Processes(0, 3).shard(Batches())[0]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="needs TF_CONFIG")
def test_devices_of_workers(monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["b:1"], "evaluator": ["c:1"]}
    task = {"type": "worker", "index": 0}
    config = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", config)
    assert distribution.count() == 2
    assert distribution.count(3) == 6
    # A worker without a GPU has one device.
    import tensorflow as tf

    cpu = tf.config.PhysicalDevice("cpu:0", "CPU")
    listed = {"CPU": [cpu], "GPU": []}
    monkeypatch.setattr(tf.config, "list_physical_devices", listed.get)
    with pytest.raises(ValueError, match="than there are, 1 .*devices=2$"):
        with distribution.scope(devices=2):
            pass
