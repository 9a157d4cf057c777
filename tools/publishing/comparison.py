"""What a preset's scores are compared with: its counterpart, the baselines."""

from typing import NamedTuple

from msrnn_keras.models.architectures import ALIASES
from tools.publishing.revisions import newest_revision

MULTI_SCALE = "ms-"


class Counterpart(NamedTuple):
    """The published preset that is the same but for the scales.

    Args:
        model: String, its model.
        revision: String.
        test: Dict from protocol to its scores on the test set.
        test_clips: Integer, the clips of that.
        clips: Integer, clips it was trained on.
        hours: Float, hours that took.
    """

    model: str
    revision: str
    test: dict
    test_clips: int
    clips: int
    hours: float

    @property
    def name(self):
        """Its name in a table."""
        return f"{self.model}, revision {self.revision}"


def counterpart_of(model):
    """Gives the plain model of a multi-scale one, and the other way round.

    Args:
        model: String, such as `"ms-predrnn"`.

    Returns:
        String, such as `"predrnn"`.
    """
    model = ALIASES.get(model, model)
    if model.startswith(MULTI_SCALE):
        return model.removeprefix(MULTI_SCALE)
    return MULTI_SCALE + model


def find_counterpart(library, names):
    """Gives the newest published revision of the counterpart of a preset.

    Args:
        library: `msrnn_keras.presets.library.Library`.
        names: Dict with the preset's `model`, `dataset` and `variant`.

    Returns:
        `Counterpart`, or None where there is none with scores.

    Raises:
        PresetFileError: If its metadata cannot be had.
    """
    newest = newest_revision(
        {**names, "model": counterpart_of(names["model"])}, library
    )
    if newest is None or not newest.scores.get("test"):
        return None
    info = library.info(*newest[:4])
    return Counterpart(
        newest.model,
        newest.revision,
        newest.scores["test"],
        info["clips"]["test"],
        info["training"]["clips"],
        info["training"]["hours"],
    )


def compare(metadata, counterpart):
    """Says in words which of a plain and a multi-scale model is the better.

    Args:
        metadata: Dict, the preset's metadata, with scores and training.
        counterpart: `Counterpart` or None.

    Returns:
        String, one or more sentences, made from the figures alone.
    """
    model = metadata["model"]
    kind, other = ("multi-scale", "plain")
    if not model.startswith(MULTI_SCALE):
        kind, other = other, kind
    if counterpart is None:
        name = "/".join(
            [counterpart_of(model), metadata["dataset"], metadata["variant"]]
        )
        return (
            f"When this was published, there was no {other} counterpart, "
            f"`{name}`, to compare it with."
        )
    if counterpart.test_clips != metadata["clips"]["test"]:
        return (
            f"Its {other} counterpart, `{counterpart.name}`, was scored on "
            f"{counterpart.test_clips:,} clips, not on these, and cannot be "
            "compared."
        )
    first = metadata["scores"]["test"]["forecast"]["mse"]
    second = counterpart.test["forecast"]["mse"]
    verb = "beats" if first < second else "does not beat"
    budget, hours = metadata["training"]["clips"], metadata["training"]["hours"]
    text = (
        f"The {kind} model {verb} its {other} counterpart, "
        f"`{counterpart.name}`: forecast MSE {first:.2f} against {second:.2f}"
        f" ({_difference(first, second)}). "
    )
    if counterpart.clips == budget:
        return text + (
            f"Both were trained once, on {budget:,} clips, in {hours} and "
            f"{counterpart.hours} hours."
        )
    return text + (
        f"The budgets differ: {budget:,} clips in {hours} hours against "
        f"{counterpart.clips:,} clips in {counterpart.hours} hours."
    )


def compare_baselines(metadata):
    """Says in words whether a model beats every baseline.

    Args:
        metadata: Dict, the preset's metadata, with scores and baselines.

    Returns:
        String, one sentence.
    """
    mse = metadata["scores"]["test"]["forecast"]["mse"]
    better = [
        f"{name} ({protocols['forecast']['mse']:.2f})"
        for name, protocols in metadata["baselines"].items()
        if protocols["forecast"]["mse"] <= mse
    ]
    if better:
        return f"Its forecast MSE is not below that of {', '.join(better)}."
    return "Its forecast MSE is below that of every baseline."


def _difference(first, second):
    if not second or first == second:
        return "no difference"
    percent = 100 * abs(first - second) / second
    return f"{percent:.1f}% {'lower' if first < second else 'higher'}"
