"""Makes a preset of a finished run: scores it, writes it, lists it.

`python -m zoo.publish RUN --data mnist.npz --hardware "2 CPU cores"` scores
the best weights of the run on validation and on the fixed test set, both
protocols, beside the baselines, and writes the next revision of the preset
with its model card.
"""

import argparse
import json
import sys
from pathlib import Path

from msrnn_keras.baselines import AllBlack, Persistence
from msrnn_keras.data import verify_test_set
from msrnn_keras.evaluation import PROTOCOLS, evaluate
from msrnn_keras.recipes import LOSSES, load_recipe
from msrnn_keras.training import BEST, ENVIRONMENT, RECIPE, read_history
from zoo import manifest
from zoo.card import render_card
from zoo.library import PRESETS
from zoo.preset import write_preset

FINE_TUNING = 10  # a loaded model learns at this part of the peak rate
LICENSES = {
    "mnist": "MNIST: CC BY-SA 3.0",
    "taxibj": "TaxiBJ: the terms of its source, github.com/lucktroy/DeepST",
    "kth": "KTH: the terms of its source, www.csc.kth.se/cvap/actions",
    "kth-msrnn": "KTH: the terms of its source, www.csc.kth.se/cvap/actions",
    "germany": "RYDL: the terms of Zenodo record 3629951",
}


def publish(run_dir, hardware, data=None, root=PRESETS, batch_size=50):
    """Score a run and write it as a preset.

    Args:
        run_dir: path of a run of `msrnn_keras.training.train`.
        hardware: string, what it was trained on.
        data: path of the data set's file; None looks in the usual places.
        root: folder of all presets.
        batch_size: int, clips scored at a time.

    Returns:
        `pathlib.Path` of the new folder.

    Raises:
        FileNotFoundError: where there is no run with a finished epoch.
        ValueError: where the test set is not the fixed one.

    Example:
        publish("runs/small", hardware="2 CPU cores", data="mnist.npz")
    """
    run_dir = Path(run_dir)
    recipe = load_recipe(run_dir / RECIPE)
    history = read_history(run_dir)
    best = run_dir / BEST
    if not (history and best.is_file()):
        raise FileNotFoundError(
            f"The run has finished no epoch. Received: {str(run_dir)!r}"
        )
    environment = json.loads(
        (run_dir / ENVIRONMENT).read_text(encoding="utf-8")
    )
    test = recipe.data("test", path=data, batch_size=batch_size)
    verify_test_set(test)
    validation = recipe.data(
        "validation", path=data, batch_size=batch_size, num_clips=None
    )
    model = recipe.build()
    model.load_weights(best)
    baselines = {
        baseline.name: evaluate(baseline, test, verbose=2)
        for baseline in (
            Persistence(model.context, model.horizon),
            AllBlack(model.context, model.horizon),
        )
    }
    scores = {
        "validation": evaluate(model, validation, verbose=2),
        "test": evaluate(model, test, verbose=2),
    }
    metadata = _metadata(
        recipe, history, environment, hardware, scores, baselines, root
    )
    return write_preset(
        root,
        model,
        metadata,
        render_card(recipe, {**metadata, "parameters": model.count_params()}),
        compile={
            "loss": LOSSES[recipe.training.loss](),
            "learning_rate": recipe.training.learning_rate / FINE_TUNING,
        },
    )


def _metadata(recipe, history, environment, hardware, scores, baselines, root):
    training = recipe.training
    best = min(history, key=lambda row: row["val_mse"])
    return {
        "model": recipe.model,
        "dataset": recipe.dataset,
        "variant": recipe.variant,
        "revision": _next_revision(recipe, root),
        "license": f"Weights: Apache-2.0. {LICENSES[recipe.dataset]}",
        "recipe": recipe.text,
        "source": "trained by the project from its recipe",
        "hardware": hardware,
        "training": {
            "clips": len(history)
            * training.steps_per_epoch
            * training.batch_size,
            "steps": len(history) * training.steps_per_epoch,
            "hours": round(sum(row["seconds"] for row in history) / 3600, 2),
            "best_epoch": best["epoch"],
            **environment,
            "history": history,
        },
        "input": {"scaling": "[0, 1]", "interval": "1 frame"},
        "scores": {split: _protocols(given) for split, given in scores.items()},
        "curves": scores["test"]["curves"],
        "clips": {split: given["clips"] for split, given in scores.items()},
        "baselines": {
            name: _protocols(given) for name, given in baselines.items()
        },
    }


def _protocols(scores):
    return {protocol: scores[protocol] for protocol in PROTOCOLS}


def _next_revision(recipe, root):
    folder = Path(root, recipe.model, recipe.dataset, recipe.variant)
    listed = json.loads(manifest.MANIFEST.read_text(encoding="utf-8"))
    prefix = f"{recipe.model}/{recipe.dataset}/{recipe.variant}/"
    names = [
        name.rpartition("/")[2]
        for name in listed["presets"]
        if name.startswith(prefix)
    ]
    names += [path.name for path in folder.glob("[0-9]*")]
    return max(map(int, names), default=0) + 1


def main(arguments=None):
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m zoo.publish")
    parser.add_argument("run", help="folder of the run")
    parser.add_argument("--hardware", required=True, help="trained on what")
    parser.add_argument("--data", help="file of the data set (mnist.npz)")
    options = parser.parse_args(arguments)
    print(publish(options.run, options.hardware, options.data))
    return manifest.main([])


if __name__ == "__main__":
    sys.exit(main())
