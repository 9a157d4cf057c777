"""The table of a run's epochs, `history.csv`."""

import csv
import io
import pathlib

from msrnn_keras.utils.files import write_atomically

HISTORY = "history.csv"
SCORE = "val_mse"  # by which the best epoch is chosen


def read_history(run_dir):
    """The epochs of a run so far.

    Args:
        run_dir: Path of the run's directory.

    Returns:
        List of dicts, one for each epoch: `epoch`, `seconds`, `cpu_seconds`
        and the scores. Epochs of older versions lack `cpu_seconds`.
    """
    path = pathlib.Path(run_dir) / HISTORY
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {
                key: int(value) if key == "epoch" else float(value)
                for key, value in row.items()
                if value != ""
            }
            for row in csv.DictReader(file)
        ]


def write_history(run_dir, rows):
    """Write the epochs of a run.

    Args:
        run_dir: Path of the run's directory.
        rows: List of dicts, as of `read_history`, one or more.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[-1]))
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(
        pathlib.Path(run_dir) / HISTORY,
        lambda path: path.write_text(text.getvalue(), encoding="utf-8"),
    )
