"""A full disk stops a run, which keeps its last checkpoint."""

import contextlib

import pytest

from msrnn_keras.training import checkpoints, train
from msrnn_keras.training.keeper import RunKeeper
from tests.disk import full
from tests.runs import contents


@pytest.mark.backend_free
def test_the_last_checkpoint_stays(
    tmp_path, recipe, uncut, mnist, monkeypatch, assert_same_run
):
    run, before = tmp_path / "run", {}
    with contextlib.ExitStack() as stack, monkeypatch.context() as patch:
        original = RunKeeper.on_epoch_begin

        def fill(self, epoch, logs=None):
            original(self, epoch, logs)
            if epoch == 1:
                before.update(contents(run))
                stack.enter_context(full())

        patch.setattr(RunKeeper, "on_epoch_begin", fill)
        with pytest.raises(OSError, match=f"disk of {run} is full.*Received"):
            train(recipe, run, mnist, verbose=0)
    assert contents(run) == before
    assert checkpoints.restore(run, 3)[1].epoch == 1
    train(recipe, run, mnist, verbose=0)
    assert_same_run(run, uncut)
