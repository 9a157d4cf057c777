"""Data parallelism: each device trains on its share of every batch.

The batch that the data set gives is the global one; its size must be a
multiple of the number of devices. On TensorFlow and JAX one process drives
all devices of a machine, and `model.fit` shares the batches out. On PyTorch
each device has a process, started by `run` or by `torchrun`. This serves all
three:

    with distribution.scope(devices=2) as group:
        model = msrnn_keras.create("ms-convlstm")
        model.compile("adam", loss=msrnn_keras.losses.L1L2())
        group.prepare(model).fit(group.share(dataset))

Several machines: on TensorFlow `TF_CONFIG` names the workers, on PyTorch
`torchrun` starts the processes; each runs the same command. JAX: one machine.

Steps, learning rate and gradients are those of one device with the global
batch. Random draws (scheduled sampling) are so on JAX alone: on TensorFlow
and PyTorch every device draws the same numbers for its share.
"""

import contextlib
import os

import keras

from msrnn_keras.checks import check_positive


class Group:
    """The processes that train one model together; here one alone."""

    chief = True  # Whether this is the process that writes and prints.

    def prepare(self, model):
        """The compiled model, made to train with those of the others."""
        return model

    def share(self, dataset):
        """What this process has to feed of a `keras.utils.PyDataset`."""
        return dataset

    def any(self, flag):
        """Whether a boolean is true in any of the processes."""
        return flag


def count(devices=None):
    """On how many devices in all the processes would train.

    Args:
        devices: Integer, devices of this machine; None is 1, or what
            `torchrun` started.

    Returns:
        Integer.

    Raises:
        ValueError: If `devices` is not a positive integer, or not the number
            of processes `torchrun` started on this machine.
    """
    if devices is not None:
        check_positive("devices", devices)
    if keras.backend.backend() == "tensorflow":
        return _workers() * (devices or 1)
    if keras.backend.backend() == "torch" and "WORLD_SIZE" in os.environ:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", devices or 1))
        if devices not in (None, local):
            raise ValueError(
                "`devices` must be the number of processes that torchrun "
                f"started here, {local}. Received: devices={devices}"
            )
        return int(os.environ["WORLD_SIZE"])
    return devices or 1


@contextlib.contextmanager
def scope(devices=None):
    """Build, compile and fit a model in here to train it on several devices.

    CPUs are divided into as many devices as asked for where there is no GPU;
    on TensorFlow and JAX that is possible only before they are first used.

    Args:
        devices: Integer, devices of this machine: GPUs where there are, else
            CPUs. None is 1.

    Yields:
        `Group`.

    Raises:
        ValueError: If there are fewer devices, or `devices` is not a positive
            integer.

    Example:
    >>> with scope(devices=2) as group:
    ...     model = msrnn_keras.create("ms-convlstm")
    ...     model.compile("adam", loss="mse")
    ...     group.prepare(model).fit(group.share(dataset))
    """
    if count(devices) == 1:
        yield Group()
        return
    backend = keras.backend.backend()
    entered = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torchrun}
    with entered[backend](devices or 1) as group:
        yield group


def run(function, *arguments, devices=None):
    """Call a function in the scope of several devices.

    On PyTorch this process is the first of the group and starts the others,
    which import the main module again: a script that calls this needs
    `if __name__ == "__main__":`.

    Args:
        function: Function of a `Group` and `arguments`, known by its name in
            a module.
        *arguments: Further arguments; PyTorch pickles them.
        devices: As in `scope`.

    Returns:
        What the function returns in this process.

    Raises:
        ValueError: As in `scope`.
        RuntimeError: If another process fails.

    Example:
    >>> run(train_my_model, "data.npz", devices=2)
    """
    alone = count(devices) == 1 or "WORLD_SIZE" in os.environ
    if keras.backend.backend() == "torch" and not alone:
        return _spawn(function, arguments, devices)
    with scope(devices) as group:
        return function(group, *arguments)


def _check_available(devices, available):
    if devices > len(available):
        raise ValueError(
            f"Ask for no more devices than there are, {len(available)} "
            f"({', '.join(available)}); CPUs can be divided into more only "
            f"before their first use. Received: devices={devices}"
        )


# === JAX ===


@contextlib.contextmanager
def _jax(devices):
    import jax

    if jax.config.jax_num_cpu_devices < devices:
        with contextlib.suppress(RuntimeError):  # JAX has begun.
            jax.config.update("jax_num_cpu_devices", devices)
    available = keras.distribution.list_devices()
    _check_available(devices, available)
    parallel = keras.distribution.DataParallel(devices=available[:devices])
    with parallel.scope():
        yield Group()


# === TensorFlow ===


def _workers():
    """How many processes `TF_CONFIG` names; 1 where it names none."""
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    jobs = resolver.cluster_spec().as_dict()
    return sum(len(jobs.get(job, ())) for job in ("chief", "worker")) or 1


@contextlib.contextmanager
def _tensorflow(devices):
    import tensorflow as tf

    if _workers() > 1:
        strategy = _multi_worker_strategy(devices)
        group = _Workers(strategy)
    else:
        names = _tensorflow_devices(devices)
        strategy, group = tf.distribute.MirroredStrategy(names), Group()
    with strategy.scope():
        yield group
    group.any(False)  # None leaves while another still needs it.


def _tensorflow_devices(devices):
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU":
        (cpu,) = tf.config.list_physical_devices("CPU")
        with contextlib.suppress(RuntimeError):  # TensorFlow has begun.
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * devices
            )
    available = [d.name for d in tf.config.list_logical_devices(kind)]
    _check_available(devices, available)
    return available[:devices]


def _multi_worker_strategy(devices):
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    present = gpus or tf.config.list_physical_devices("CPU")
    _check_available(devices, [device.name for device in present])
    tf.config.set_visible_devices(gpus[:devices], "GPU")

    class Strategy(tf.distribute.MultiWorkerMirroredStrategy):
        """Reduces what Keras hands over: structures, and scalars by axis 0."""

        def reduce(self, reduce_op, value, axis):
            def reduce_one(one):
                local = self.experimental_local_results(one)
                along = axis if local[0].shape.rank else None
                return super(Strategy, self).reduce(reduce_op, one, along)

            return tf.nest.map_structure(reduce_one, value)

    return Strategy()


class _Workers(Group):
    """The workers of `TF_CONFIG`."""

    def __init__(self, strategy):
        import tensorflow as tf

        resolver = strategy.cluster_resolver
        jobs = resolver.cluster_spec().jobs
        first = "chief" if "chief" in jobs else "worker"
        self.chief = (resolver.task_type, resolver.task_id) == (first, 0)

        @tf.function
        def total(number):
            numbers = strategy.run(tf.identity, args=(number,))
            return strategy.reduce("SUM", numbers, axis=None)

        self._total = total

    def any(self, flag):
        import tensorflow as tf

        return bool(self._total(tf.constant(float(flag))) > 0)


# === PyTorch ===


@contextlib.contextmanager
def _torchrun(devices):
    if "WORLD_SIZE" not in os.environ:
        raise ValueError(
            "On PyTorch each device has a process of its own: start them by "
            "torchrun, or by msrnn_keras.distribution.run. "
            f"Received: devices={devices}"
        )
    rank, local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    with _process(rank, local, count()) as group:
        yield group


@contextlib.contextmanager
def _process(rank, local, size, store=None):
    """This process as one of `size`; `local` numbers those of the machine."""
    import torch

    on_gpu = _check_gpus(local + 1)
    device = contextlib.nullcontext()
    if on_gpu:
        torch.cuda.set_device(local)
        device = keras.device(f"cuda:{local}")
    torch.distributed.init_process_group(
        "nccl" if on_gpu else "gloo", rank=rank, world_size=size, store=store
    )
    try:
        with device:
            group = _Processes(rank, size)
            yield group
            group.any(False)  # None leaves while another still needs it.
    finally:
        torch.distributed.destroy_process_group()


def _check_gpus(devices):
    """Whether there are GPUs; fewer than the devices are refused."""
    import torch

    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if names:
        _check_available(devices, names)
    return bool(names)


class _Processes(Group):
    """The processes of `torch.distributed`, a device each."""

    def __init__(self, rank, size):
        self.chief = rank == 0
        self.rank, self.size = rank, size

    def prepare(self, model):
        import torch

        forward = torch.nn.parallel.DistributedDataParallel(model)
        local_results = model.get_metrics_result

        def train_step(data):
            x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
            prediction = forward(x, training=True)
            model.zero_grad()
            loss = model.compute_loss(x, y, prediction, weights, training=True)
            tracker = next(m for m in model.metrics if m.name == "loss")
            tracker.update_state(loss, sample_weight=len(x))
            model.optimizer.scale_loss(loss).backward()
            variables = model.trainable_weights
            gradients = [variable.value.grad for variable in variables]
            with torch.no_grad():
                model.optimizer.apply(gradients, variables)
            return model.compute_metrics(x, y, prediction, weights)

        def get_metrics_result():
            results = local_results()
            return dict(zip(results, self._mean(results.values()), strict=True))

        model.train_step = train_step
        model.get_metrics_result = get_metrics_result
        return model

    def share(self, dataset):
        return _Share(dataset, self.rank, self.size)

    def any(self, flag):
        return bool(self._mean([float(flag)]) > 0)

    def _mean(self, numbers):
        """The means of numbers over the processes, a tensor."""
        import torch

        with torch.no_grad():
            total = keras.ops.stack(list(numbers))
            torch.distributed.all_reduce(total)
            return total / self.size


class _Share(keras.utils.PyDataset):
    """The part of each batch of a data set that one process computes."""

    def __init__(self, dataset, rank, size):
        super().__init__(
            workers=dataset.workers,
            use_multiprocessing=dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self.dataset = dataset
        self.rank, self.size = rank, size

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        def part(array):
            if len(array) % self.size:
                raise ValueError(
                    f"A batch must be a multiple of the {self.size} devices. "
                    f"Received: a batch of {len(array)}"
                )
            length = len(array) // self.size
            return array[self.rank * length : (self.rank + 1) * length]

        return keras.tree.map_structure(part, self.dataset[index])

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def _spawn(function, arguments, devices):
    """Call the function as the first of several processes."""
    import torch

    _check_gpus(devices)
    store = torch.distributed.TCPStore("localhost", 0, is_master=True)
    threads = torch.get_num_threads()
    share = max(1, threads // devices)  # The CPU's cores are shared as well.
    children = torch.multiprocessing.spawn(
        _child,
        (store.port, share, devices, function, arguments),
        nprocs=devices - 1,
        join=False,
    )
    torch.set_num_threads(share)
    try:
        return _first(children, store, devices, function, arguments)
    except (
        torch.multiprocessing.ProcessExitedException,
        torch.multiprocessing.ProcessRaisedException,
    ) as error:
        raise RuntimeError(
            f"A process of the training ended early: {error} "
            f"Received: devices={devices}"
        ) from error
    finally:
        torch.set_num_threads(threads)
        for process in children.processes:
            process.terminate()


def _first(children, store, devices, function, arguments):
    names = [f"ready {rank}" for rank in range(1, devices)]
    while not store.check(names):  # So as not to wait for the dead.
        children.join(timeout=0.1)
    with _process(0, 0, devices, store) as group:
        result = function(group, *arguments)
    while not children.join():
        pass
    return result


def _child(index, port, threads, devices, function, arguments):
    import torch

    torch.set_num_threads(threads)
    store = torch.distributed.TCPStore("localhost", port)
    store.set(f"ready {index + 1}", "")
    with _process(index + 1, index + 1, devices, store) as group:
        function(group, *arguments)
