import keras
import numpy as np
import pytest

from msrnn_keras.training.batches import Batches

pytestmark = pytest.mark.backend_free


class Numbers(keras.utils.PyDataset):
    """Batches of two numbers; each epoch has another order."""

    batch_size = 2

    def __init__(self, num_clips):
        super().__init__()
        self.num_clips = num_clips
        self.epoch = 0

    def __getitem__(self, index):
        order = np.random.default_rng(self.epoch).permutation(self.num_clips)
        return order[2 * index : 2 * index + 2].tolist()


def drawn(batches, epoch):
    batches.epoch = epoch
    return [batches[index] for index in range(len(batches))]


def test_epochs_continue_through_the_data():
    batches = Batches(Numbers(7), steps=2)
    rows = [batch for epoch in range(3) for batch in drawn(batches, epoch)]
    # Three full batches of seven numbers are one pass.
    for turn, seed in ((rows[:3], 1), (rows[3:], 2)):
        order = np.random.default_rng(seed).permutation(7)[:6]
        assert sum(turn, []) == order.tolist()

    rows = drawn(Batches(Numbers(4), steps=5), 0)  # more than there are
    for first in (0, 2):
        assert sorted(rows[first] + rows[first + 1]) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="needs 2 clips.* Received: .* of 1"):
        Batches(Numbers(1), steps=1)
    batches = Batches(Numbers(100), steps=5)
    whole = drawn(batches, 3)
    batches.first = 3
    assert len(batches) == 2
    assert drawn(batches, 3) == whole[3:]
    with pytest.raises(IndexError, match="Received: index=2"):
        batches[2]
