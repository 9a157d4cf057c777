"""The table of a run's epochs, `history.csv`."""

import csv
import io
import pathlib

from msrnn_keras.utils.files import write_atomically
from msrnn_keras.utils.typing import PathLike

HISTORY = "history.csv"
SCORES = ("val_crps", "val_mse")  # the first of a run selects its best epoch


def read_history(run_dir: PathLike) -> list[dict[str, float]]:
    """Return the finished epochs of a run.

    Args:
        run_dir: Path of the run's directory.

    Returns:
        List of dicts: `epoch`, `seconds`, `cpu_seconds` (if known) and scores.

    Example:
    >>> min(row["val_mse"] for row in read_history("runs/small"))
    """
    path = pathlib.Path(run_dir) / HISTORY
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{k: x for k, x in r.items() if x} for r in csv.DictReader(file)]
    return [
        {k: int(x) if k == "epoch" else float(x) for k, x in row.items()}
        for row in rows
    ]


def score_name(row):
    """Return the name of the score that selects among epochs as this one."""
    return next(name for name in SCORES if name in row)


def write_history(run_dir, rows):
    """Write the epochs of a run, as returned by `read_history`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[-1]))
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(
        pathlib.Path(run_dir) / HISTORY,
        lambda path: path.write_text(text.getvalue(), encoding="utf-8"),
    )
