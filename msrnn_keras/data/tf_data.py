"""What has to do with `tf.data`: the one module here that needs it."""

import numpy as np


def as_tf_data(dataset):
    """Turns a data set of batches into a `tf.data.Dataset`.

    Every pass over the result gives the batches of one epoch in order, that
    of `dataset.epoch` when the pass starts. A whole pass advances it, so the
    training split makes fresh clips each time.

    Args:
        dataset: An `EpochDataset` of at least one batch, each a tuple
            `(x, y)` of arrays that differ in their batch size only.

    Returns:
        A `tf.data.Dataset` of `(x, y)`, whose `element_spec` has None for the
        batch size.

    Raises:
        ImportError: If TensorFlow is not installed.

    Example:
    ```python
    batches = as_tf_data(MovingMNIST("train")).prefetch(2)
    ```
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "`as_tf_data` needs TensorFlow: `pip install tensorflow`. Without "
            "it, give the data set itself to `fit`, on any backend. "
            f"Received: {error}"
        ) from error

    def batches():
        epoch = dataset.epoch
        for index in range(len(dataset)):
            batch = dataset.batch(index, epoch)
            # Another pass at the same time may have advanced the epoch.
            if index == len(dataset) - 1 and dataset.epoch == epoch:
                # Not after the yield: Keras does not ask for more than
                # `len(dataset)` batches, and so would never get there.
                dataset.on_epoch_end()
            yield batch

    signature = tuple(
        tf.TensorSpec((None, *array.shape[1:]), array.dtype)
        for array in dataset[0]
    )
    result = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return result.apply(tf.data.experimental.assert_cardinality(len(dataset)))


def validated(dataset, check):
    """Return a `tf.data.Dataset` whose batches are checked as they are drawn.

    Args:
        dataset: A `tf.data.Dataset` of `x`, `(x, y)` or `(x, y, weights)`.
        check: A function of a batch of NumPy arrays that raises for a bad one.

    Returns:
        A `tf.data.Dataset` of the same elements. Reading a bad batch raises
        `tf.errors.InvalidArgumentError`.

    Example:
    ```python
    batches = checked(batches, check)
    ```
    """
    import tensorflow as tf

    def passed(*batch):
        check(batch)
        return np.True_

    def element(*batch):
        whole = tf.numpy_function(passed, batch, tf.bool)
        with tf.control_dependencies([whole]):
            batch = tf.nest.map_structure(tf.identity, batch)
        return batch if isinstance(dataset.element_spec, tuple) else batch[0]

    return dataset.map(element)
