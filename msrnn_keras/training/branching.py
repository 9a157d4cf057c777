"""Short decays that are branched off a run while it goes on."""

import pathlib
import shutil
import tempfile
import time
import tomllib

from msrnn_keras.training import checkpoints
from msrnn_keras.training.checkpoints import CHECKPOINT
from msrnn_keras.training.folder import (
    ENVIRONMENT,
    RECIPE,
    check_folder,
    init_run,
    lock_run,
)
from msrnn_keras.training.history import HISTORY, read_history, write_history
from msrnn_keras.training.keeper import BEST

ATTEMPTS = 10  # a run writes a few files for some seconds of an epoch


def branch_run(recipe, run_dir, branch_dir, decay_steps):
    """Copy a run into a directory where its learning rate falls to 0.

    The run may be in training meanwhile and is not changed. The branch is a
    run of its own: `train` it with the recipe that this function returns.
    It ends with the same weights as an uncut run of that recipe.

    Args:
        recipe: `msrnn_keras.training.recipe.Recipe` of the run, which has
            `schedule="constant"` and no decay.
        run_dir: Path of the run.
        branch_dir: Path of the branch. A directory that holds a branch of
            this run already is left as it is.
        decay_steps: Integer, least number of training steps of the decay. It
            is rounded up so that the branch ends with an epoch.

    Returns:
        `msrnn_keras.training.recipe.Recipe` of the branch.

    Raises:
        FileExistsError: If `branch_dir` holds anything else.
        FileNotFoundError: If the run has no checkpoint yet.
        ValueError: If the recipe's rate is not constant, or `decay_steps` is
            not positive.

    Example:
    >>> recipe = load_recipe("runs/long/recipe.toml")
    >>> branch = branch_run(recipe, "runs/long", "runs/decayed", 2_000)
    >>> train(branch, "runs/decayed")
    """
    run_dir, branch_dir = pathlib.Path(run_dir), pathlib.Path(branch_dir)
    training = recipe.training
    if training.schedule != "constant" or training.decay_steps is not None:
        raise ValueError(
            "Only a run with schedule='constant' and no `decay_steps` can be "
            f"branched. Received: schedule={training.schedule!r}, "
            f"decay_steps={training.decay_steps}"
        )
    if not decay_steps > 0:
        raise ValueError(
            "`decay_steps` must be positive. "
            f"Received: decay_steps={decay_steps}"
        )
    if (branch_dir / RECIPE).exists():
        text = (branch_dir / RECIPE).read_text(encoding="utf-8")
        written = tomllib.loads(text)["training"]
        sizes = {name: written.get(name) for name in ("epochs", "decay_steps")}
        branch = recipe.change_training(**sizes)
        check_folder(branch_dir, branch)
        return branch
    with tempfile.TemporaryDirectory() as temporary:
        snapshot = pathlib.Path(temporary)
        _copy_consistent(run_dir, snapshot)
        position = checkpoints.read_position(snapshot / CHECKPOINT)
        steps = training.steps_per_epoch
        done = position.epoch * steps + position.step
        epochs = -(-(done + decay_steps) // steps)
        branch = recipe.change_training(
            epochs=epochs, decay_steps=epochs * steps - done
        )
        check_folder(branch_dir, branch)
        with lock_run(branch_dir):
            rows = read_history(snapshot)[: position.epoch]
            if rows:
                write_history(branch_dir, rows)
            for name in (ENVIRONMENT, BEST, CHECKPOINT):
                if (snapshot / name).exists():
                    shutil.copyfile(snapshot / name, branch_dir / name)
            init_run(branch_dir, branch)  # The recipe comes last.
    return branch


def _copy_consistent(run_dir, target):
    """Copy the files of a run that belong to one checkpoint."""
    history, best = run_dir / HISTORY, run_dir / BEST
    for _ in range(ATTEMPTS):
        before = _times(history, best)
        checkpoint = checkpoints.find(run_dir)
        if checkpoint is None:
            break
        shutil.copyfile(checkpoint, target / CHECKPOINT)
        for name in (ENVIRONMENT, HISTORY, BEST):
            if (run_dir / name).exists():
                shutil.copyfile(run_dir / name, target / name)
        settled = before == _times(history, best)
        # The best weights are written first, then the history.
        newer = len(before) == 2 and before[1] > before[0]
        if settled and not newer and checkpoints.is_whole(target / CHECKPOINT):
            return
        time.sleep(1)
    raise FileNotFoundError(
        "The run must have a checkpoint with its best weights and history; "
        "continue its training first. "
        f"Received: {str(run_dir)!r}"
    )


def _times(*paths):
    """Return when files were written."""
    return [path.stat().st_mtime_ns for path in paths if path.exists()]
