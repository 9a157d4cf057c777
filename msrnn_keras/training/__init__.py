"""Training runs that can be stopped, killed, copied and resumed."""

from msrnn_keras.training.branching import branch_run
from msrnn_keras.training.fine_tuning import finetune
from msrnn_keras.training.folder import RECIPE as RECIPE
from msrnn_keras.training.history import read_history
from msrnn_keras.training.run import train

__all__ = ["branch_run", "finetune", "read_history", "train"]
