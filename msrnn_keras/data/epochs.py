"""Base classes of data sets whose batches depend on the epoch."""

import abc
import math
from typing import Any

import keras

from msrnn_keras.data.tf_data import as_tf_data
from msrnn_keras.utils.arguments import check_boolean, check_count
from msrnn_keras.utils.typing import Tensor


class EpochDataset(keras.utils.PyDataset, abc.ABC):
    """Batches that depend on their index and the epoch alone.

    Each epoch has every batch once. Keras sees one worker, because its queue of
    workers carries unread batches over to the next pass. A subclass reads the
    parts of a batch in parallel with `threads`.
    `epoch` starts at 0 and may be set at any time. Keras advances it after each
    epoch, and once at the start of each `fit` or `evaluate`. Do not use
    `fit(steps_per_epoch=...)`: such a pass mixes batches of several epochs.

    Args:
        workers: Integer, number of threads that read a batch.
        use_multiprocessing: Must be False.
        max_queue_size: Ignored, because there is no queue.

    Raises:
        ValueError: If an argument is out of range.

    Example:
    >>> class Noise(EpochDataset):  # and `__len__`
    ...     def batch(self, index, epoch):
    ...         return np.random.default_rng((epoch, index)).random((8, 2))
    """

    def __init__(
        self,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        super().__init__(max_queue_size=max_queue_size)
        workers = check_count("workers", workers, 0)
        if check_boolean("use_multiprocessing", use_multiprocessing):
            raise ValueError(
                "`use_multiprocessing` must be False; `workers` are threads. "
                f"Received: use_multiprocessing={use_multiprocessing!r}"
            )
        self.threads = max(1, workers)
        self.epoch = 0

    @property
    def workers(self) -> int:
        """Number of workers that Keras may start: always 1."""
        return 1

    @property
    def use_multiprocessing(self) -> bool:
        """Whether Keras may start processes: always False."""
        return False

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return the number of batches per epoch."""

    @abc.abstractmethod
    def batch(self, index: int, epoch: int) -> tuple[Any, ...]:
        """Return batch `index` of an epoch as a tuple of arrays."""

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Return batch `index` of the current epoch."""
        if not 0 <= index < len(self):
            raise IndexError(
                f"`index` must be from 0 to {len(self) - 1}. "
                f"Received: index={index}"
            )
        return self.batch(index, self.epoch)

    def on_epoch_end(self) -> None:
        """Advance to the next epoch; Keras calls this."""
        self.epoch += 1

    def as_tf_data(self) -> Any:
        """Return the batches as a `tf.data.Dataset`, which needs TensorFlow."""
        return as_tf_data(self)


class ClipDataset(EpochDataset):
    """Batches of clips, split in time into x and y."""

    moving = False  # whether clips are in the moving frame of their motion

    def __len__(self) -> int:
        return math.ceil(self.num_clips / self.batch_size)

    def inverse(self, pixels: Tensor) -> Tensor:
        """Convert pixels in [0, 1] to the units of the data."""
        return self.scaling.inverse(pixels)

    def _split_time(self, clips):
        """Return x and y of clips `(batch, context + horizon, ...)`."""
        past = slice(-1) if self.teacher_forcing else slice(self.context)
        return clips[:, past], clips[:, self.context :]
