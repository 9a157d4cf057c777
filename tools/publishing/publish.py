"""Make a preset of a finished run: check it, score it, write it and list it.

The folder of a preset and the manifest are each written atomically. A killed
call can be repeated: it removes leftovers, lists what was written, and reuses
scores.
"""

import shutil

from msrnn_keras.baselines import BASELINES
from msrnn_keras.data import TrainedOn, verify_test_set
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.models.lagrangian import Lagrangian
from msrnn_keras.presets.loading import FINE_TUNING
from msrnn_keras.presets.registry import Library
from msrnn_keras.presets.saving import complete, describe_input
from msrnn_keras.training.folder import digest_weights, lock_run
from msrnn_keras.training.recipe import CROPPED, LOSSES
from tools.publishing import manifest
from tools.publishing.blending import choose_blend
from tools.publishing.candidates import choose_dtype, make_candidate
from tools.publishing.card import render_card
from tools.publishing.comparison import counterpart_of, find_counterpart
from tools.publishing.datasets import DATASETS, LICENSES
from tools.publishing.ensemble import draw_ensemble, find_twin, rank_clips
from tools.publishing.picture import PICTURE, draw_forecasts
from tools.publishing.preset_files import write_preset
from tools.publishing.revisions import (
    find_published,
    next_revision,
    refuse_worse,
    renew_card,
)
from tools.publishing.run import earlier_training, read_run
from tools.publishing.scoring import SCORES, ScoreBook

COMPARED = ("persistence", "all-black", "linear-extrapolation")
STRIDE = 4  # frames between the starts of validation windows of whole frames
WORK = "publishing"  # temporary folder in the run


def publish(
    run_dir,
    hardware,
    data=None,
    library=None,
    batch_size=16,
    unfinished=False,
    verbose=0,
):
    """Score a run, write it as the next revision of its preset and list it.

    Weights are stored in float16 if the validation scores agree with those of
    float32, else in float32. The test clips are scored last and once, with
    the model as `zoo.load` loads it. A published run is not published again.
    The card of the counterpart is rewritten.

    Args:
        run_dir: Path of a run of `msrnn_keras.training.train`.
        hardware: String, the hardware of the training.
        data: Path of the files of the data set; None uses the default.
        library: `presets.registry.Library` to publish in; None is the zoo.
        batch_size: Integer, number of clips scored at a time.
        unfinished: Boolean, accept a run before the last epoch of its recipe.
        verbose: 1 shows a progress bar, 2 lines, 0 nothing.

    Returns:
        `pathlib.Path` of the preset's folder.

    Raises:
        FileNotFoundError: If there is no run, no finished epoch, or no data.
        RuntimeError: If another process trains or publishes the run.
        ValueError: If the run is unfinished, not finite, worse than the
            previous revision, or has no hardware, license or fixed test set.

    Example:
        publish("runs/small", hardware="2 CPU cores", data="mnist.npz")
    """
    run = read_run(run_dir, unfinished)
    library = library or Library()
    _check_known(run.recipe.dataset, hardware)
    work = run.folder / WORK
    with lock_run(run.folder):
        # Read again: it may have continued before it was locked.
        run = read_run(run_dir, unfinished)
        names = next_revision(run.recipe, library)
        shutil.rmtree(work, ignore_errors=True)
        folder = find_published(run.identity, names, library)
        if folder is None:
            splits = _open_splits(run.recipe, data, batch_size)
            try:
                folder = _publish(
                    run, names, library, splits, hardware, work, verbose
                )
            finally:
                shutil.rmtree(work, ignore_errors=True)
    manifest.update(library.root, library.manifest)
    if renew_card(library, {**names, "model": counterpart_of(names["model"])}):
        manifest.update(library.root, library.manifest)
    return folder


def _check_known(dataset, hardware):
    """Refuse an unknown license or hardware."""
    if dataset not in LICENSES:
        raise ValueError(
            "The license of the data set must be in "
            f"`tools.publishing.datasets`. Received: dataset={dataset!r}"
        )
    if not (isinstance(hardware, str) and hardware.strip()):
        raise ValueError(
            "`hardware` must name the hardware of the training. "
            f"Received: hardware={hardware!r}"
        )


def _open_splits(recipe, data, batch_size):
    """Return the validation and the test clips."""
    test = recipe.data("test", path=data, batch_size=batch_size)
    if recipe.dataset == "mnist":
        verify_test_set(test)
    whole = {"num_clips": None}
    if recipe.dataset in CROPPED:
        whole |= {"image_shape": None, "moving": False, "stride": STRIDE}
    validation = recipe.data(
        "validation", path=data, batch_size=batch_size, **whole
    )
    return {"validation": validation, "test": test}


def _publish(run, names, library, splits, hardware, work, verbose):
    """Score the run, write the preset and return its folder."""
    counterpart = find_counterpart(library, names)
    book = ScoreBook(run.folder / SCORES, verbose)
    trained, training, test = run.load(), run.recipe.training, splits["test"]
    motion = None
    if isinstance(trained, Lagrangian) and not trained.noise:
        motion = choose_blend(trained, splits["validation"], verbose)
        trained = run.load(**motion)
    compiled = {
        "loss": LOSSES[training.loss](),
        "learning_rate": training.learning_rate / FINE_TUNING,
    }
    chosen, validated = choose_dtype(
        lambda dtype, full=None: make_candidate(
            work / dtype, trained, names, compiled, dtype, full
        ),
        book,
        splits["validation"],
    )
    refuse_worse(validated, names, library)
    digest = digest_weights(chosen.weights)
    tested = book.score(chosen.model, digest, "test", test)
    metadata = {
        **names,
        **_describe(run, hardware, test, library),
        **({} if motion is None else {"motion": motion}),
        **_scores(validated, tested, _score_baselines(book, test)),
    }
    files = {PICTURE: draw_forecasts(work / PICTURE, chosen.model, test)}
    if chosen.model.noise:
        ranked = rank_clips(chosen.model, test)
        # The noise of a clip depends on the batch it is in.
        metadata["ensemble"] = {**ranked, "batch_size": test.batch_size}
        files |= draw_ensemble(work, ranked["ranks"], tested["curves"])
    completed = complete(metadata, chosen.model, chosen.dtype)
    twin = find_twin(library, names)
    return write_preset(
        library.root,
        chosen.model,
        metadata,
        render_card(run.recipe, completed, counterpart, twin),
        compiled,
        weights_dtype=chosen.dtype,
        weights=chosen.weights,
        files=files,
    )


def _score_baselines(book, test):
    """Return the test scores of the baselines by name."""
    made = (BASELINES[name](test.context, test.horizon) for name in COMPARED)
    return {b.name: book.score(b, b.name, "test", test) for b in made}


def _describe(run, hardware, dataset, library):
    """Return the metadata about the training and the input."""
    text = DATASETS[run.recipe.dataset]
    interval = getattr(getattr(dataset, "source", None), "interval", None)
    trained = TrainedOn(dataset.scaling, interval, text.grid_step)
    return {
        "license": f"Weights: Apache-2.0. {text.license}",
        "recipe": run.recipe.text,
        "source": "trained by the project from its recipe",
        "hardware": hardware,
        "training": {**run.training, **earlier_training(run, library)},
        "run": run.identity,
        "input": {"scaling": "[0, 1]", **describe_input(trained)},
    }


def _scores(validated, tested, baselines):
    """Return the metadata about the scores."""

    def protocols(rows):
        return {
            name: {protocol: scores[protocol] for protocol in PROTOCOLS}
            for name, scores in rows.items()
        }

    splits = {"validation": validated, "test": tested}
    return {
        "scores": protocols(splits),
        "curves": tested["curves"],
        "clips": {split: scores["clips"] for split, scores in splits.items()},
        "baselines": protocols(baselines),
    }
