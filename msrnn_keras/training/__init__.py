"""Training runs that can be stopped, killed, copied and resumed."""

from msrnn_keras.training.branching import branch_run
from msrnn_keras.training.checkpoints import CHECKPOINT, PREVIOUS
from msrnn_keras.training.folder import ENVIRONMENT, RECIPE, lock_run
from msrnn_keras.training.history import HISTORY, SCORE, read_history
from msrnn_keras.training.keeper import BEST
from msrnn_keras.training.run import train

__all__ = [
    "BEST",
    "CHECKPOINT",
    "ENVIRONMENT",
    "HISTORY",
    "PREVIOUS",
    "RECIPE",
    "SCORE",
    "branch_run",
    "lock_run",
    "read_history",
    "train",
]
