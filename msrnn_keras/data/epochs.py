"""The base of data sets whose batches depend on the epoch."""

import abc
import numbers

import keras


class EpochDataset(keras.utils.PyDataset, abc.ABC):
    """Batches that are a function of their number and the epoch alone.

    Each epoch of `fit`, `evaluate` and `predict` has every batch once, on all
    backends and for any number of workers. Keras' own queue of workers does
    not guarantee this: it hands batches that are left over from one pass to
    the next one. So Keras always sees one worker, and a subclass uses
    `threads` to read the parts of one batch at the same time.

    `epoch`, 0 at first, may be set at any time. Keras advances it after each
    epoch, and once at the start of each `fit` or `evaluate`. A pass of
    `fit(steps_per_epoch=...)` spans several epochs and so mixes them; leave
    that argument out.

    Args:
        workers: Integer, threads that read a batch.
        use_multiprocessing: Must be False.
        max_queue_size: Ignored, as there is no queue.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> class Noise(EpochDataset):
    ...     def __len__(self):
    ...         return 10
    ...     def batch(self, index, epoch):
    ...         return np.random.default_rng((epoch, index)).random((8, 2))
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        super().__init__(max_queue_size=max_queue_size)
        if (
            isinstance(workers, bool)
            or not isinstance(workers, numbers.Integral)
            or workers < 0
        ):
            raise ValueError(
                "`workers` must be an integer, 0 or more. "
                f"Received: workers={workers!r}"
            )
        if use_multiprocessing:
            raise ValueError(
                "`use_multiprocessing` must be False; `workers` are threads. "
                f"Received: use_multiprocessing={use_multiprocessing!r}"
            )
        self.threads = max(1, int(workers))
        self.epoch = 0

    @property
    def workers(self):
        """Workers that Keras may start: always 1."""
        return 1

    @property
    def use_multiprocessing(self):
        """Whether Keras may start processes: always False."""
        return False

    @abc.abstractmethod
    def __len__(self):
        """Return the number of batches of an epoch."""

    @abc.abstractmethod
    def batch(self, index, epoch):
        """Return one batch of one epoch.

        Args:
            index: Integer, 0 to `len(self) - 1`.
            epoch: Integer, 0 or more.

        Returns:
            Tuple of arrays.
        """

    def __getitem__(self, index):
        """Return batch `index` of this epoch.

        Args:
            index: Integer, 0 to `len(self) - 1`.

        Returns:
            Tuple of arrays.

        Raises:
            IndexError: If there is no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(
                f"`index` must be from 0 to {len(self) - 1}. "
                f"Received: index={index}"
            )
        return self.batch(index, self.epoch)

    def on_epoch_end(self):
        """Advance to the next epoch; Keras calls this."""
        self.epoch += 1
