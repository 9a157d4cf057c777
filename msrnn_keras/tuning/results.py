"""What a search has found, read from its folder."""

import json
import pathlib

from msrnn_keras.tuning.hypermodel import architecture, plain
from msrnn_keras.utils.files import write_atomically
from msrnn_keras.utils.tables import aligned

BEST = "best.toml"
SCORE = "val_mse"
COMPLETED = "COMPLETED"


def read_results(folder):
    """The trials of a search, the best first, those without score last.

    Args:
        folder: Path of the search's folder, see `tune`.

    Returns:
        List of dicts: `trial` and `status`, strings of KerasTuner; `val_mse`,
        the squared error per frame of validation, `epochs`, `seconds` and
        `parameters`, numbers, None where the trial was not completed;
        `values`, a dict of the hyperparameters; `message`, the error of a
        trial that failed, or None.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If a file is damaged.

    Example:
    >>> read_results("runs/tuning")[0]["values"]["filters"]
    32
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no search there. Received: {str(folder)!r}"
        )
    results = [_read(path) for path in folder.glob("trial_*/trial.json")]
    return sorted(
        results,
        key=lambda row: (
            row["status"] != COMPLETED,
            row[SCORE] if row["status"] == COMPLETED else 0,
            int(row["trial"]),
        ),
    )


def results_table(results, searched=None):
    """The results as text, a line for each trial.

    Args:
        results: List of dicts, of `read_results`.
        searched: Names of the hyperparameters to show; None shows those that
            are not the same in all trials.

    Returns:
        String.

    Example:
    >>> print(results_table(read_results("runs/tuning")))
    """
    if searched is None:
        searched = _varied(results)
    columns = (SCORE, "epochs", "seconds", "parameters")
    rows = [("trial", *columns, *searched)]
    for result in results:
        status = result["status"].lower()
        score = status if result[SCORE] is None else _text(result[SCORE])
        numbers = [_text(result[name]) for name in columns[1:]]
        values = [_text(result["values"].get(name)) for name in searched]
        rows.append((result["trial"], score, *numbers, *values))
    return "\n".join(aligned(rows))


def write_best(folder, search):
    """Write the best trial so far as `best.toml`, in the form of a recipe.

    Nothing is written where no trial is completed.

    Args:
        folder: Path of the search's folder.
        search: Dict, the settings of the search, as in its `search.json`.

    Returns:
        Path of the file, or None.
    """
    results = read_results(folder)
    if not results or results[0]["status"] != COMPLETED:
        return None
    path = pathlib.Path(folder) / BEST
    text = _recipe(results[0], len(results), search)
    write_atomically(path, lambda path: path.write_text(text, encoding="utf-8"))
    return path


def _read(path):
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        values = state["hyperparameters"]["values"]
        metrics = state["metrics"]["metrics"]
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"The file of a trial is damaged ({error!r}). "
            f"Received: {str(path)!r}"
        ) from error
    row = {
        "trial": state["trial_id"],
        "status": state["status"],
        "values": {
            name: value
            for name, value in values.items()
            if not name.startswith("tuner/")
        },
        "message": state["message"],
    }
    completed = state["status"] == COMPLETED
    row[SCORE] = state["score"] if completed else None
    for name in ("epochs", "seconds", "parameters"):
        row[name] = _last(metrics[name]) if completed else None
    return row


def _last(metric):
    """The value of the last time the trial ran, as a number."""
    value = metric["observations"][-1]["value"][-1]
    return int(value) if value == int(value) else value


def _varied(results):
    """Hyperparameters that are not the same in all trials, in order."""
    names = dict.fromkeys(name for row in results for name in row["values"])
    return [
        name
        for name in names
        if len({row["values"].get(name) for row in results}) > 1
    ]


def _text(value):
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _recipe(best, count, search):
    values, space = best["values"], search["space"]
    name, arguments = architecture(values, space["fixed"])
    training = {
        "batch_size": values.get("batch_size"),
        "epochs": best["epochs"],
        "learning_rate": values["learning_rate"],
        "sampling": values["sampling"],
        "clipnorm": space["clipnorm"],
        "loss": "l1_l2",
        "seed": space["seed"],
    }
    found = {
        "method": search["method"],
        "trial": best["trial"],
        "trials": count,
        SCORE: best[SCORE],
        "parameters": best["parameters"],
        **(search["setting"] or {}),
    }
    return "\n".join(
        [
            "# The best of a hyperparameter search.",
            f"model = {json.dumps(name)}",
            *_table("architecture", arguments),
            *_table("training", training),
            *_table("search", found),
            "",
        ]
    )


def _table(name, values):
    """A table of TOML, whose strings, numbers and lists are as in JSON."""
    lines = [
        f"{key} = {json.dumps(plain(value), ensure_ascii=False)}"
        for key, value in values.items()
        if value is not None
    ]
    return ["", f"[{name}]", *lines]
