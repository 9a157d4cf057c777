"""PyTorch: one process for each device."""

import contextlib
import gc
import os

import keras

from msrnn_keras.distribution.group import Group, check_available


@contextlib.contextmanager
def scope(devices):
    """Join the processes that `torchrun` started; yield a `Group`."""
    if "WORLD_SIZE" not in os.environ:
        raise ValueError(
            "On PyTorch each device has its own process: start them with "
            "torchrun or with msrnn_keras.distribution.run. "
            f"Received: devices={devices}"
        )
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
    with _process(*(int(os.environ[name]) for name in names)) as group:
        yield group


@contextlib.contextmanager
def _process(rank, local, size, store=None):
    """Join a group of `size` processes; `local` is the rank on the machine."""
    import torch

    on_gpu = _check_gpus(local + 1)
    device = contextlib.nullcontext()
    if on_gpu:
        torch.cuda.set_device(local)
        device = keras.device(f"cuda:{local}")
    torch.distributed.init_process_group(
        "nccl" if on_gpu else "gloo", rank=rank, world_size=size, store=store
    )
    group = Processes(rank, size)
    try:
        with device:
            yield group
            group.any(False)  # Wait for all processes.
    finally:
        # Gloo threads alive at exit abort the interpreter.
        group.release()
        torch.distributed.destroy_process_group()
        gc.collect()


def _check_gpus(devices):
    """Return whether there are GPUs; refuse more devices than GPUs."""
    import torch

    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if names:
        check_available(devices, names)
    return bool(names)


class Processes(Group):
    """The processes of `torch.distributed`, one for each device."""

    def __init__(self, rank, size):
        self.rank, self.size, self.wrapped = rank, size, []
        self.is_main = rank == 0

    def wrap(self, model):
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
        self.wrapped.append(model)
        return model

    def release(self):
        """Undo `wrap`, so that the models train alone again."""
        while self.wrapped:
            own = vars(self.wrapped.pop())
            for name in ("train_step", "get_metrics_result"):
                own.pop(name, None)

    def shard(self, dataset):
        return _Shard(dataset, self.rank, self.size)

    def any(self, flag):
        return bool(self._mean([float(flag)]) > 0)

    def _mean(self, numbers):
        """Return the mean of each number over the processes, a tensor."""
        import torch

        with torch.no_grad():
            total = keras.ops.stack(list(numbers))
            torch.distributed.all_reduce(total)
            return total / self.size


class _Shard(keras.utils.PyDataset):
    """The part of each batch that one process computes."""

    def __init__(self, dataset, rank, size):
        names = ("workers", "use_multiprocessing", "max_queue_size")
        super().__init__(**{name: getattr(dataset, name) for name in names})
        self.dataset, self.rank, self.size = dataset, rank, size

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


def spawn(function, arguments, devices):
    """Start the other processes and call the function as the first one."""
    import torch

    _check_gpus(devices)
    store = torch.distributed.TCPStore("localhost", 0, is_master=True)
    threads = torch.get_num_threads()
    share = max(1, threads // devices)  # of the CPU
    given = store.port, share, devices, function, arguments
    processes = torch.multiprocessing
    children = processes.spawn(_child, given, devices - 1, join=False)
    torch.set_num_threads(share)
    try:
        return _first(children, store, devices, function, arguments)
    except (
        processes.ProcessExitedException,
        processes.ProcessRaisedException,
    ) as error:
        raise RuntimeError(
            f"A training process ended early: {error} "
            f"Received: devices={devices}"
        ) from error
    finally:
        torch.set_num_threads(threads)
        for process in children.processes:
            process.terminate()


def _first(children, store, devices, function, arguments):
    """Call the function as rank 0 once all children are ready."""
    names = [f"ready {rank}" for rank in range(1, devices)]
    while not store.check(names):  # `join` raises if a child died.
        children.join(timeout=0.1)
    with _process(0, 0, devices, store) as group:
        result = function(group, *arguments)
    while not children.join():
        pass
    return result


def _child(index, port, threads, devices, function, arguments):
    """Call the function as a process other than the first."""
    import torch

    torch.set_num_threads(threads)
    store = torch.distributed.TCPStore("localhost", port)
    store.set(f"ready {index + 1}", "")
    with _process(index + 1, index + 1, devices, store) as group:
        function(group, *arguments)
