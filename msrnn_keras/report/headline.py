"""The headline of a report: its result in one line."""

from msrnn_keras.baselines import BASELINES
from msrnn_keras.report import names

_REFERENCE = "persistence"
_PROTOCOL = "forecast"


def headline(scores):
    """Compare the best model with persistence, by the first score.

    Args:
        scores: Dict from the name of each model to its `evaluate(...)`.

    Returns:
        A string such as "ms-convlstm: 76% less MSE than persistence". Without
        persistence it has the score itself.

    Example:
        >>> headline({"ms-convlstm": evaluate(model, data)})
        'ms-convlstm: MSE 71.96'
    """
    results = {name: x.get(_PROTOCOL, {}) for name, x in scores.items()}
    baselines = {baseline.name for baseline in BASELINES.values()}
    models = {k: x for k, x in results.items() if k not in baselines}
    models = models or results
    key = next(iter(next(iter(models.values()))), None)
    values = {name: row.get(key) for name, row in models.items()}
    values = {k: x for k, x in values.items() if not names.is_missing(x)}
    if not values:
        return f"{', '.join(models)}: no score"
    sign = names.direction(key)
    name = max(values, key=lambda k: sign * values[k])
    more = f", the best of {len(values)} models" if len(values) > 1 else ""
    reference = results.get(_REFERENCE, {}).get(key)
    if name == _REFERENCE or names.is_missing(reference) or not reference:
        what = f"{names.score_label(key)} {names.score_text(key, values[name])}"
    else:
        what = _compared(key, values[name] / reference - 1, sign)
    return f"{name}{more if sign else ''}: {what}"


def _compared(key, change, sign):
    """Return what a relative change of a score means, in words."""
    label = names.score_label(key)
    percent = _percent(abs(change))
    if percent == "0":
        return f"the {label} of {_REFERENCE}"
    words = ("more", "less") if sign < 0 else ("higher", "lower")
    return f"{percent}% {words[change < 0]} {label} than {_REFERENCE}"


def _percent(share):
    """Return a share in percent; 100 only if it is that."""
    percent = 100 * share
    if 1 <= percent < 99.5 or percent >= 100:
        return f"{percent:.0f}"
    return f"{min(percent, 99.9):.1f}".removesuffix(".0")
