"""Training batches, addressed by the step of the run."""

import threading

import keras


class Batches(keras.utils.PyDataset):
    """Epochs of a fixed number of batches that can start at any step."""

    # An epoch goes on where the previous one ended; each pass has its order.

    def __init__(self, dataset, steps):
        super().__init__()
        self.dataset, self.steps = dataset, steps
        self.epoch = self.first = 0  # `first`: its finished batches
        self._full = dataset.num_clips // dataset.batch_size
        self._lock = threading.Lock()  # TensorFlow may prefetch in a thread.
        if not self._full:
            raise ValueError(
                f"A training step needs {dataset.batch_size} clips; use more "
                "data or a smaller `batch_size`. "
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
