"""Makes a preset of a finished run: checks it, scores it, writes and lists it.

The folder of a preset appears whole or not at all, and so does the manifest.
Then the card of its counterpart is written again, beside its scores.
A call that was killed, wherever, can be made again: it cleans up, lists what
was written, and does not score again what was scored.
"""

import shutil

from msrnn_keras.baselines import BASELINES
from msrnn_keras.data import verify_test_set
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.presets import saving
from msrnn_keras.presets.library import Library
from msrnn_keras.presets.loading import FINE_TUNING
from msrnn_keras.training import lock_run
from msrnn_keras.training.recipe import LOSSES
from tools.publishing import manifest
from tools.publishing.candidates import (
    choose_dtype,
    digest_weights,
    make_candidate,
)
from tools.publishing.card import NO_INTERVAL, render_card
from tools.publishing.comparison import find_counterpart
from tools.publishing.datasets import LICENSES
from tools.publishing.picture import PICTURE, draw_forecasts
from tools.publishing.renewal import renew_counterpart
from tools.publishing.revisions import (
    find_published,
    next_revision,
    refuse_worse,
)
from tools.publishing.run import read_run
from tools.publishing.scoring import SCORES, ScoreBook

COMPARED = ("persistence", "all-black", "linear-extrapolation")
WORK = "publishing"  # in the run's folder, while it is published


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

    The weights are kept in float16 where validation shows no difference, else
    in float32, and are scored as `zoo.load` gives them. The test clips are
    scored last, once, after everything was chosen on validation. Scores are
    kept in `scores.json` in the run, so that a second call need not compute
    them. A run that was published already is not published again. The card of
    the plain counterpart of a multi-scale model, or the other way round, is
    written again where that is published.

    Args:
        run_dir: path of a run of `msrnn_keras.training.train`.
        hardware: string, what it was trained on.
        data: path of the data set's files; None looks in the usual places.
        library: `presets.library.Library` to publish in; None is the project's.
        batch_size: int, clips scored at a time.
        unfinished: bool, whether a run may be published that has not come to
            the end of its recipe.
        verbose: 1 shows what is done with a bar, 2 in lines, 0 nothing.

    Returns:
        `pathlib.Path` of the preset's folder.

    Raises:
        FileNotFoundError: where there is no run with a finished epoch, or no
            data.
        RuntimeError: where another process trains or publishes the run.
        ValueError: where the run is not finished, holds NaN, has no hardware
            or licence, or another test set; or where the revision that it
            would replace forecasts validation better.

    Example:
        publish("runs/small", hardware="2 CPU cores", data="mnist.npz")
    """
    run = read_run(run_dir, unfinished)
    library = library or Library()
    _check_known(run, hardware)
    work = run.folder / WORK
    with lock_run(run.folder):
        run = read_run(run_dir, unfinished)  # it may have gone on till here
        names = next_revision(run.recipe, library)
        shutil.rmtree(work, ignore_errors=True)  # of a call that was killed
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
    if renew_counterpart(library, names):
        manifest.update(library.root, library.manifest)
    return folder


def _check_known(run, hardware):
    dataset = run.recipe.dataset
    if dataset not in LICENSES:
        raise ValueError(
            "A preset needs the licence of its data set; add it to "
            f"`tools.publishing.datasets`. Received: dataset={dataset!r}"
        )
    if not (isinstance(hardware, str) and hardware.strip()):
        raise ValueError(
            "`hardware` must say what the run was trained on. "
            f"Received: hardware={hardware!r}"
        )


def _open_splits(recipe, data, batch_size):
    """The validation and the test clips, of which mnist's are fixed."""
    test = recipe.data("test", path=data, batch_size=batch_size)
    if recipe.dataset == "mnist":
        verify_test_set(test)
    validation = recipe.data(
        "validation", path=data, batch_size=batch_size, num_clips=None
    )
    return {"validation": validation, "test": test}


def _publish(run, names, library, splits, hardware, work, verbose):
    """Scores the run and writes the preset; gives its folder."""
    counterpart = find_counterpart(library, names)
    book = ScoreBook(run.folder / SCORES, verbose)
    trained, compiled = run.load(), _compile(run.recipe.training)
    chosen, validated = choose_dtype(
        lambda dtype, full=None: make_candidate(
            work / dtype, trained, names, compiled, dtype, full
        ),
        book,
        splits["validation"],
    )
    refuse_worse(validated, names, library)
    test = splits["test"]
    scores = {
        "validation": validated,
        "test": book.score(
            chosen.model, digest_weights(chosen.weights), "test", test
        ),
    }
    baselines = _score_baselines(book, test)
    metadata = _metadata(run, names, hardware, test, scores, baselines)
    card = render_card(
        run.recipe,
        saving.complete(metadata, chosen.model, chosen.dtype),
        counterpart,
    )
    picture = draw_forecasts(work / PICTURE, chosen.model, test)
    return saving.write_preset(
        library.root,
        chosen.model,
        metadata,
        card,
        compiled,
        weights_dtype=chosen.dtype,
        weights=chosen.weights,
        files={PICTURE: picture},
    )


def _compile(training):
    """What a loaded model is compiled with."""
    return {
        "loss": LOSSES[training.loss](),
        "learning_rate": training.learning_rate / FINE_TUNING,
    }


def _score_baselines(book, test):
    made = (BASELINES[name](test.context, test.horizon) for name in COMPARED)
    return {
        baseline.name: book.score(baseline, baseline.name, "test", test)
        for baseline in made
    }


def _metadata(run, names, hardware, test, scores, baselines):
    return {
        **names,
        "license": f"Weights: Apache-2.0. {LICENSES[names['dataset']]}",
        "recipe": run.recipe.text,
        "source": "trained by the project from its recipe",
        "hardware": hardware,
        "training": run.training,
        "run": run.identity,
        "input": _describe_input(test),
        "scores": {split: _protocols(given) for split, given in scores.items()},
        "curves": scores["test"]["curves"],
        "clips": {split: given["clips"] for split, given in scores.items()},
        "baselines": {
            name: _protocols(given) for name, given in baselines.items()
        },
    }


def _describe_input(dataset):
    """What the pixels are, and the time from one frame to the next."""
    scaling = dataset.scaling
    interval = getattr(getattr(dataset, "source", None), "interval", None)
    return {
        "scaling": "[0, 1]",
        "interval": NO_INTERVAL if interval is None else f"{interval:g} s",
        "units": {
            "class_name": type(scaling).__name__,
            "config": scaling.get_config(),
        },
    }


def _protocols(scores):
    return {protocol: scores[protocol] for protocol in PROTOCOLS}
