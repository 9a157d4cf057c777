"""Branch a short learning rate decay off a run."""

import pathlib
import shutil
import tempfile
import time
import tomllib

from msrnn_keras.training import checkpoints, folder
from msrnn_keras.training.checkpoints import CHECKPOINT
from msrnn_keras.training.history import HISTORY, read_history, write_history
from msrnn_keras.training.keeper import BEST

ATTEMPTS = 10  # one a second; a run writes its files within seconds


def branch_run(recipe, run_dir, branch_dir, decay_steps):
    """Copy a run to a directory where its learning rate decays to 0.

    The run is not changed and may train at the same time. `train` the branch
    with the returned recipe.

    Args:
        recipe: `Recipe` of the run, with `schedule="constant"` and no decay.
        run_dir: Path of the run.
        branch_dir: Path of the branch. If it already holds a branch of this
            run, nothing is copied.
        decay_steps: Integer, training steps of the decay, rounded up to the
            end of an epoch.

    Returns:
        `Recipe` of the branch.

    Raises:
        FileExistsError: If `branch_dir` holds other files.
        FileNotFoundError: If the run has no checkpoint yet.
        ValueError: If the learning rate is not constant, or `decay_steps` is
            not positive.

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
        raise ValueError(
            f"`decay_steps` must be positive. Received: {decay_steps=}"
        )
    if (branch_dir / folder.RECIPE).exists():
        text = (branch_dir / folder.RECIPE).read_text(encoding="utf-8")
        written = tomllib.loads(text)["training"]
        sizes = {name: written.get(name) for name in ("epochs", "decay_steps")}
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
            rows = read_history(snapshot)[: position.epoch]
            if rows:
                write_history(branch_dir, rows)
            for name in (folder.ENVIRONMENT, BEST, CHECKPOINT):
                if (snapshot / name).exists():
                    shutil.copyfile(snapshot / name, branch_dir / name)
            folder.init_run(branch_dir, branch)  # writes the recipe last
    return branch


def _copy_consistent(run_dir, target):
    """Copy files of a run that belong to the same checkpoint."""
    history, best = run_dir / HISTORY, run_dir / BEST
    for _ in range(ATTEMPTS):
        before = _times(history, best)
        checkpoint = checkpoints.find(run_dir)
        if checkpoint is None:
            break
        shutil.copyfile(checkpoint, target / CHECKPOINT)
        for name in (folder.ENVIRONMENT, HISTORY, BEST):
            if (run_dir / name).exists():
                shutil.copyfile(run_dir / name, target / name)
        settled = before == _times(history, best)
        # A run writes the best weights first, then the history.
        newer = len(before) == 2 and before[1] > before[0]
        if settled and not newer and checkpoints.is_whole(target / CHECKPOINT):
            return
        time.sleep(1)
    raise FileNotFoundError(
        "The run must have a checkpoint with its best weights and history; "
        f"train it further first. Received: {str(run_dir)!r}"
    )


def _times(*paths):
    """Return the modification times of files."""
    return [path.stat().st_mtime_ns for path in paths if path.exists()]
