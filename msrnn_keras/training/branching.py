"""Branch a short learning rate decay off a run."""

import pathlib
import shutil
import tempfile
import time

from msrnn_keras.training import checkpoints, folder
from msrnn_keras.training.checkpoints import CHECKPOINT
from msrnn_keras.training.history import HISTORY, read_history, write_history
from msrnn_keras.training.keeper import BEST
from msrnn_keras.training.recipe import Recipe, load_recipe
from msrnn_keras.utils.typing import PathLike

ATTEMPTS = 10  # one a second; a run writes its files within seconds


def branch_run(
    recipe: Recipe, run_dir: PathLike, branch_dir: PathLike, decay_steps: int
) -> Recipe:
    """Copy a run, which may be training, to decay its learning rate to 0.

    `train` the branch with the returned recipe.

    Args:
        recipe: `Recipe` of the run, with `schedule="constant"` and no decay.
        run_dir: Path of the run.
        branch_dir: Path of the branch; an existing one is not changed.
        decay_steps: Integer, training steps, rounded up to a whole epoch.

    Returns:
        `Recipe` of the branch.

    Raises:
        FileExistsError: If `branch_dir` holds other files.
        FileNotFoundError: If the run has no checkpoint yet.
        ValueError: If the rate is not constant, or `decay_steps` not positive.

    Example:
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
        message = f"`decay_steps` must be positive. Received: {decay_steps=}"
        raise ValueError(message)
    if (branch_dir / folder.RECIPE).exists():
        written = load_recipe(branch_dir / folder.RECIPE).training
        sizes = {"epochs": written.epochs, "decay_steps": written.decay_steps}
        branch = recipe.change_training(**sizes)
        folder.check_folder(branch_dir, branch)
        return branch
    with tempfile.TemporaryDirectory() as temporary:
        snapshot = pathlib.Path(temporary)
        _copy_consistent(run_dir, snapshot)
        position = checkpoints.read_position(snapshot / CHECKPOINT)
        steps = training.steps_per_epoch
        done = position.epoch * steps + position.step
        epochs = -(-(done + decay_steps) // steps)
        decay_steps = epochs * steps - done
        branch = recipe.change_training(epochs=epochs, decay_steps=decay_steps)
        folder.check_folder(branch_dir, branch)
        with folder.lock_run(branch_dir):
            if rows := read_history(snapshot)[: position.epoch]:
                write_history(branch_dir, rows)
            _copy(snapshot, branch_dir, CHECKPOINT)
            folder.init_run(branch_dir, branch)  # writes the recipe last
    return branch


def _copy_consistent(run_dir, target):
    """Copy files of a run that belong to the same checkpoint."""

    def times():
        paths = (run_dir / name for name in (HISTORY, BEST))
        return [path.stat().st_mtime_ns for path in paths if path.exists()]

    for _ in range(ATTEMPTS):
        before = times()
        checkpoint = checkpoints.find(run_dir)
        if checkpoint is None:
            break
        shutil.copyfile(checkpoint, target / CHECKPOINT)
        _copy(run_dir, target, HISTORY)
        # A run writes the best weights first, then the history.
        newer = len(before) == 2 and before[1] > before[0]
        settled = before == times() and not newer
        if settled and checkpoints.is_whole(target / CHECKPOINT):
            return
        time.sleep(1)
    raise FileNotFoundError(
        "The run must have a checkpoint with its best weights and history; "
        f"train it further first. Received: {str(run_dir)!r}"
    )


def _copy(source, target, name):
    """Copy a file, the best weights and the environment, where they exist."""
    for one in (folder.ENVIRONMENT, BEST, name):
        if (source / one).exists():
            shutil.copyfile(source / one, target / one)
