"""KerasTuner's tuners, made for a folder that may hold a search."""

import json

from msrnn_keras.tuning.results import SCORE

METHODS = {
    "hyperband": "Hyperband",
    "bayesian": "BayesianOptimization",
    "random": "RandomSearch",
}
TRIALS = 20  # of the methods that have no end of their own


def open_tuner(hypermodel, folder, search, max_trials, overwrite, role):
    """KerasTuner's tuner, with what the folder holds.

    Args:
        hypermodel: `MSRNNHyperModel`.
        folder: Path of the search.
        search: Dict, its settings.
        max_trials: Integer or None, as of `tune`.
        overwrite: Boolean, as of `tune`.
        role: String, as of `role_of_process`.

    Returns:
        `keras_tuner.Tuner`.

    Raises:
        ValueError: If a file of the folder is damaged, or the model refuses
            the values that come first.
        ImportError: If a package is missing.
    """
    import keras_tuner

    method = search["method"]
    if method == "bayesian":
        _check_bayesian()
    options = {
        "hypermodel": hypermodel,
        "objective": keras_tuner.Objective(SCORE, "min"),
        "seed": search["seed"] + 1,  # KerasTuner draws one instead of 0
        "directory": str(folder.parent),
        "project_name": folder.name,
        "overwrite": overwrite and role != "worker",
    }
    if role == "chief":
        # An error of the oracle would leave it locked, and all waiting.
        options["max_consecutive_failed_trials"] = 10**9
    if method == "hyperband":
        options["max_epochs"] = search["epochs"]
    else:
        options["max_trials"] = max_trials or TRIALS
    if method == "bayesian":
        # KerasTuner's three for each, fixed ones too, leave it none to choose.
        options["num_initial_points"] = hypermodel.dimensions + 1
    if options["overwrite"]:
        # What the model refuses is to be refused before the search is gone.
        hypermodel.build(keras_tuner.HyperParameters())
    try:
        tuner = _with_lines(getattr(keras_tuner, METHODS[method]))(**options)
        if method == "hyperband":
            tuner.oracle.max_trials = max_trials
        if role != "worker" and not tuner.oracle.trials:
            # Another tuner's search, such as a chief's, or a first trial.
            if (folder / "oracle.json").exists():
                tuner.oracle.reload()
    except json.JSONDecodeError as error:
        raise ValueError(
            "The files of the search are damaged; choose another folder, or "
            f"overwrite it. Received: {str(folder)!r} ({error})"
        ) from error
    return tuner


def _with_lines(base):
    """A class of KerasTuner that says a line for each trial."""

    class Tuner(base):
        talkative = False

        def on_trial_end(self, trial):
            super().on_trial_end(trial)
            if self.talkative:
                trial = self.oracle.get_trial(trial.trial_id)
                score = trial.status.lower()
                if trial.score is not None:
                    score = f"{SCORE} {trial.score:.4g}"
                print(f"Trial {trial.trial_id}: {score}", flush=True)

        def _configure_tensorboard_dir(self, callbacks, trial, execution=0):
            # KerasTuner imports TensorBoard here in any case, and TensorFlow
            # no longer brings it.
            if any(type(c).__name__ == "TensorBoard" for c in callbacks):
                super()._configure_tensorboard_dir(callbacks, trial, execution)

    Tuner.__name__ = Tuner.__qualname__ = base.__name__
    return Tuner


def _check_bayesian():
    try:
        import scipy.optimize  # noqa: F401
        import sklearn.gaussian_process  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "The method 'bayesian' needs scikit-learn: pip install "
            f'"keras-tuner[bayesian]". Received: {error}'
        ) from error
