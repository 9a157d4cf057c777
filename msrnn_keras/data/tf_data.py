"""Conversion to `tf.data`, and checks of `tf.data` batches."""

import numpy as np


def as_tf_data(dataset):
    """Return an `EpochDataset` of tuples of arrays as a `tf.data.Dataset`."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "`as_tf_data` needs TensorFlow: `pip install tensorflow`; or pass "
            f"the data set itself to `fit`. Received: {error}"
        ) from error

    def batches():
        epoch = dataset.epoch
        for index in range(len(dataset)):
            batch = dataset.batch(index, epoch)
            # Another pass at the same time may have advanced the epoch. Keras
            # reads exactly `len(dataset)` batches: advance before the last.
            if index == len(dataset) - 1 and dataset.epoch == epoch:
                dataset.on_epoch_end()
            yield batch

    signature = tf.nest.map_structure(
        lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), dataset[0]
    )
    result = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return result.apply(tf.data.experimental.assert_cardinality(len(dataset)))


def validated(dataset, check):
    """Return a `tf.data.Dataset` that calls `check` on each NumPy batch."""
    import tensorflow as tf

    def element(*batch):
        def passed(*arrays):
            check(tf.nest.pack_sequence_as(batch, arrays))
            return np.True_

        flat = tf.nest.flatten(batch)
        is_valid = tf.numpy_function(passed, flat, tf.bool)
        with tf.control_dependencies([is_valid]):
            batch = tf.nest.map_structure(tf.identity, batch)
        return batch if isinstance(dataset.element_spec, tuple) else batch[0]

    return dataset.map(element)
