"""The batches of a run, by the number of the step."""

import threading

import keras


class Batches(keras.utils.PyDataset):
    """Epochs of a fixed number of batches, to be taken up anywhere.

    Batch i of an epoch depends on the data set, the epoch and i alone. Epochs
    go on through the data where the one before ended; each time through, the
    data set is in its next order. A last batch that is not full is left out.

    `epoch` and `first`, the batches of it that are done, may be set before
    Keras draws an epoch.

    Args:
        dataset: `keras.utils.PyDataset` with `num_clips`, `batch_size` and
            `epoch`, on which its order depends.
        steps: Integer, batches of an epoch.

    Raises:
        ValueError: If there is not one full batch.

    Example:
    >>> batches = Batches(recipe.data("train"), steps=200)
    >>> batches.epoch, batches.first = 3, 120
    >>> len(batches)
    80
    """

    def __init__(self, dataset, steps):
        super().__init__()
        self.dataset, self.steps = dataset, steps
        self.epoch = self.first = 0
        self._full = dataset.num_clips // dataset.batch_size
        self._lock = threading.Lock()  # TensorFlow may draw ahead of the loop.
        if not self._full:
            raise ValueError(
                f"A training step needs {dataset.batch_size} clips. "
                f"Received: a data set of {dataset.num_clips}"
            )

    def __len__(self):
        return self.steps - self.first

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(
                f"`index` must be from 0 to {len(self) - 1}. "
                f"Received: index={index}"
            )
        number = self.epoch * self.steps + self.first + index
        turn, batch = divmod(number, self._full)
        with self._lock:
            self.dataset.epoch = turn + 1
            return self.dataset[batch]
