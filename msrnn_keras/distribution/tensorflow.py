"""TensorFlow: one process for each worker drives the worker's devices."""

import contextlib

from msrnn_keras.distribution.group import Group, check_available


def count_workers():
    """Return the number of processes in `TF_CONFIG`, at least 1."""
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    jobs = resolver.cluster_spec().as_dict()
    return sum(len(jobs.get(job, ())) for job in ("chief", "worker")) or 1


@contextlib.contextmanager
def scope(devices):
    """Place models built here on several devices; yield a `Group`."""
    import tensorflow as tf

    if count_workers() > 1:
        strategy = _multi_worker_strategy(devices)
        group = Workers(strategy)
    else:
        strategy = tf.distribute.MirroredStrategy(_devices(devices))
        group = Group()
    with strategy.scope():
        yield group
    group.any(False)  # Wait for all processes.


def _devices(devices):
    """Return the names of the devices; divide the CPU if needed."""
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU":
        (cpu,) = tf.config.list_physical_devices("CPU")
        with contextlib.suppress(RuntimeError):  # TensorFlow is initialized.
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * devices
            )
    available = [d.name for d in tf.config.list_logical_devices(kind)]
    check_available(devices, available)
    return available[:devices]


def _multi_worker_strategy(devices):
    """Return a strategy for several machines."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    present = gpus or tf.config.list_physical_devices("CPU")
    check_available(devices, [device.name for device in present])
    tf.config.set_visible_devices(gpus[:devices], "GPU")

    class Strategy(tf.distribute.MultiWorkerMirroredStrategy):
        """Also reduces structures, and scalars along axis 0, as Keras asks."""

        def reduce(self, reduce_op, value, axis):
            def reduce_one(one):
                local = self.experimental_local_results(one)
                along = axis if local[0].shape.rank else None
                return super(Strategy, self).reduce(reduce_op, one, along)

            return tf.nest.map_structure(reduce_one, value)

    return Strategy()


class Workers(Group):
    """The workers that `TF_CONFIG` names."""

    def __init__(self, strategy):
        import tensorflow as tf

        resolver = strategy.cluster_resolver
        jobs = resolver.cluster_spec().jobs
        first = "chief" if "chief" in jobs else "worker"
        self.is_main = (resolver.task_type, resolver.task_id) == (first, 0)

        @tf.function
        def total(number):
            numbers = strategy.run(tf.identity, args=(number,))
            return strategy.reduce("SUM", numbers, axis=None)

        self._total = total

    def any(self, flag):
        import tensorflow as tf

        return bool(self._total(tf.constant(float(flag))) > 0)
