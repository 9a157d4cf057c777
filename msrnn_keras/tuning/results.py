"""The trials of a search, read from its folder."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from msrnn_keras.tuning.space import architecture, plain
from msrnn_keras.utils.files import write_atomically
from msrnn_keras.utils.tables import aligned
from msrnn_keras.utils.typing import PathLike

BEST = "best.toml"
"""Name of the file with the best arguments of a search."""
SCORE = "val_mse"
COMPLETED = "COMPLETED"
COLUMNS = ("epochs", "seconds", "parameters")


def read_results(folder: PathLike) -> list[dict[str, Any]]:
    """Return the trials of a search, the best first.

    Args:
        folder: Path of the search's folder, see `tune`.

    Returns:
        List of dicts: `trial` and `status`, strings; `val_mse` (per frame),
        `epochs`, `seconds` and `parameters`, numbers, None before the end;
        `values`, the hyperparameters; `message`, the error, or None.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If a file is damaged.

    Example:
    >>> read_results("runs/tuning")[0]["values"]["filters"]
    32
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        message = f"There is no search there. Received: {str(folder)!r}"
        raise FileNotFoundError(message)

    def rank(row):
        return row["status"] != COMPLETED, row[SCORE] or 0, int(row["trial"])

    results = [_read(path) for path in folder.glob("trial_*/trial.json")]
    return sorted(results, key=rank)


def results_table(
    results: Sequence[dict[str, Any]], searched: Sequence[str] | None = None
) -> str:
    """Return the results as text, one line for each trial.

    Args:
        results: List of dicts from `read_results`.
        searched: Names of hyperparameters; None are those that differ.

    Returns:
        String.

    Example:
    >>> print(results_table(read_results("runs/tuning")))
    """
    if searched is None:
        points = [row["values"] for row in results]
        names = dict.fromkeys(name for point in points for name in point)
        searched = [n for n in names if len({p.get(n) for p in points}) > 1]
    rows = [("trial", SCORE, *COLUMNS, *searched)]
    for result in results:
        status = result["status"].lower()
        score = status if result[SCORE] is None else _text(result[SCORE])
        numbers = [_text(result[name]) for name in COLUMNS]
        values = [_text(result["values"].get(name)) for name in searched]
        rows.append((result["trial"], score, *numbers, *values))
    return "\n".join(aligned(rows))


def write_best(folder, search):
    """Write the best trial as a recipe; return its path, or None."""
    results = read_results(folder)
    if not results or results[0]["status"] != COMPLETED:
        return None
    path = pathlib.Path(folder) / BEST
    text = _recipe(results[0], len(results), search)
    write_atomically(path, lambda path: path.write_text(text, encoding="utf-8"))
    return path


def _read(path):
    """Return the row of a trial's file."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        values = state["hyperparameters"]["values"]
        metrics = state["metrics"]["metrics"]
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The file of a trial is damaged ({error!r}); overwrite the "
            f"search. Received: {str(path)!r}"
        ) from error
    scores = dict.fromkeys((SCORE, *COLUMNS))
    if state["status"] == COMPLETED:
        scores = {name: _last(metrics[name]) for name in COLUMNS}
        scores[SCORE] = state["score"]
    values = {k: v for k, v in values.items() if not k.startswith("tuner/")}
    own = {name: state[name] for name in ("status", "message")}
    return {"trial": state["trial_id"], "values": values, **own, **scores}


def _last(metric):
    value = metric["observations"][-1]["value"][-1]
    return int(value) if value == int(value) else value


def _text(value):
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _recipe(best, count, search):
    """Return the text of a recipe for the best of `count` trials."""
    values, space = best["values"], search["space"]
    name, arguments = architecture(values, space["fixed"])
    training = {
        "batch_size": values.get("batch_size"),
        **{"epochs": best["epochs"], "learning_rate": values["learning_rate"]},
        **{"sampling": values.get("sampling"), "clipnorm": space["clipnorm"]},
        **{"loss": "l1_l2", "seed": space["seed"]},
    }
    found = {
        **{"method": search["method"], "trial": best["trial"], "trials": count},
        **{SCORE: best[SCORE], "parameters": best["parameters"]},
        **(search["setting"] or {}),
    }
    text = "# The best of a hyperparameter search.\n"
    text += f"model = {json.dumps(name)}\n"
    text += _table("architecture", arguments)
    return text + _table("training", training) + _table("search", found)


def _table(name, values):
    """Return a TOML table; its values are written as in JSON."""
    lines = [
        f"{key} = {json.dumps(plain(value), ensure_ascii=False)}\n"
        for key, value in values.items()
        if value is not None
    ]
    return f"\n[{name}]\n" + "".join(lines)
