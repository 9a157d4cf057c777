"""The number of threads on the CPU."""

import os

import keras


def set_threads(threads):
    """Limit the CPU threads of one operation; call it before the first."""
    if threads is None:
        return
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)
    else:
        os.environ["NPROC"] = str(threads)
