"""Compare the scores of a preset with its counterpart and the baselines.

The counterpart of a multi-scale model is the plain model, and vice versa.
"""

from msrnn_keras.models.architectures import ALIASES, ARCHITECTURES
from tools.publishing.manifest import PARTS, newest_revision

MULTI_SCALE = "ms-"


def counterpart_of(model):
    """Return the name of the counterpart of a model."""
    model = ALIASES.get(model, model)
    if model.startswith(MULTI_SCALE):
        return model.removeprefix(MULTI_SCALE)
    return MULTI_SCALE + model


def find_counterpart(library, names):
    """Return the metadata of the newest counterpart with test scores or None.

    `names` has the preset's `model`, `dataset` and `variant`.
    """
    model = counterpart_of(names["model"])
    newest = newest_revision({**names, "model": model}, library)
    if newest is None or not newest.scores.get("test"):
        return None
    return library.info(*newest[:4])


def title_of(metadata):
    """Return the name of a preset in tables and sentences."""
    return f"{metadata['model']}, revision {metadata['revision']}"


def is_comparable(metadata, counterpart):
    """Return whether both were scored on the same number of test clips."""
    return metadata["clips"]["test"] == counterpart["clips"]["test"]


def compare(metadata, counterpart):
    """Describe which of a plain and a multi-scale preset is better."""
    model = metadata["model"]
    kind, other = ("multi-scale", "plain")
    if not model.startswith(MULTI_SCALE):
        kind, other = other, kind
    if counterpart_of(model) not in ARCHITECTURES:
        return "The model is not recurrent: it has no multi-scale counterpart."
    if counterpart is None:
        names = {**metadata, "model": counterpart_of(model)}
        name = "/".join(names[part] for part in PARTS)
        return f"Its {other} counterpart, `{name}`, is not published."
    title = title_of(counterpart)
    if not is_comparable(metadata, counterpart):
        return (
            f"Its {other} counterpart, `{title}`, cannot be compared, because "
            f"it was scored on {counterpart['clips']['test']:,} other clips."
        )
    first, second = (
        preset["scores"]["test"]["forecast"]["mse"]
        for preset in (metadata, counterpart)
    )
    verb = "beats" if first < second else "does not beat"
    text = (
        f"The {kind} model {verb} its {other} counterpart, `{title}`: forecast "
        f"MSE {first:.2f} against {second:.2f} ({_difference(first, second)}). "
    )
    clips, hours = (
        [
            training[unit] + training.get(f"earlier_{unit}", 0)
            for training in (metadata["training"], counterpart["training"])
        ]
        for unit in ("clips", "hours")
    )
    if clips[0] == clips[1]:
        return text + (
            f"Both were trained once, on {clips[0]:,} clips, in {hours[0]:g} "
            f"and {hours[1]:g} hours."
        )
    return text + (
        f"The training budgets differ: {clips[0]:,} clips in {hours[0]:g} "
        f"hours against {clips[1]:,} clips in {hours[1]:g} hours."
    )


def compare_baselines(metadata):
    """Return a sentence that says whether a preset beats every baseline."""
    mse = metadata["scores"]["test"]["forecast"]["mse"]
    better = [
        f"{name} ({protocols['forecast']['mse']:.2f})"
        for name, protocols in metadata["baselines"].items()
        if protocols["forecast"]["mse"] <= mse
    ]
    if better:
        return (
            f"Its forecast MSE is not lower than that of {', '.join(better)}."
        )
    return "Its forecast MSE is lower than that of every baseline."


def _difference(first, second):
    if not second or first == second:
        return "no difference"
    percent = 100 * abs(first - second) / second
    return f"{percent:.1f}% {'lower' if first < second else 'higher'}"
