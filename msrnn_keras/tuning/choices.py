"""The values that a search may choose from: checked, and as text."""

from msrnn_keras.models.scheduled_sampling import ScheduledSampling
from msrnn_keras.utils.checks import check_positive

SAMPLINGS = {
    "linear": ScheduledSampling.linear,
    "reverse": ScheduledSampling.reverse,
}
NO_SAMPLING = "none"


def several(name, values):
    """The values as a list, without repetitions; a single one is allowed."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        values = [values]
    values = list(dict.fromkeys(values))
    if not values:
        raise ValueError(
            f"`{name}` needs at least one value. Received: {name}=[]"
        )
    return values


def integers(name, values):
    """The values as a list of positive integers."""
    values = several(name, values)
    for value in values:
        check_positive(name, value)
    return values


def among(name, values, known):
    """The values as a list, all of them known."""
    values = several(name, values)
    for value in values:
        if value not in known:
            raise ValueError(
                f"`{name}` may hold {', '.join(map(repr, known))}. "
                f"Received: {name}={value!r}"
            )
    return values


def scale_texts(scales):
    """Tuples of scales as texts; a single one is allowed."""
    given = scales
    if isinstance(scales, (list, tuple)):
        if scales and all(isinstance(scale, int) for scale in scales):
            scales = [scales]
        if scales and all(isinstance(c, (list, tuple)) for c in scales):
            choices = list(dict.fromkeys(map(tuple, scales)))
            for choice in choices:
                _check_scales(choice)
            return [",".join(map(str, choice)) for choice in choices]
    raise ValueError(
        "`scales` must be tuples, one for each choice, such as "
        f"((1, 2, 2, 1), (1, 1)). Received: scales={given!r}"
    )


def _check_scales(choice):
    for scale in choice:
        check_positive("scales", scale)
    if not choice or choice != choice[::-1]:
        raise ValueError(
            "Each of `scales` must read the same backwards, one for each "
            f"layer. Received: scales={choice}"
        )


def schedule(text):
    """The `ScheduledSampling` of a text of `sampling_texts`, or None."""
    if text == NO_SAMPLING:
        return None
    name, steps = text.split()
    return SAMPLINGS[name](int(steps))


def sampling_texts(names, steps):
    """Schedules with their steps as texts."""
    names = among("sampling", names, (NO_SAMPLING, *SAMPLINGS))
    steps = integers("sampling_steps", steps)
    return [
        text
        for name in names
        for text in (
            [name] if name == NO_SAMPLING else [f"{name} {n}" for n in steps]
        )
    ]


def span(name, values):
    """`(low, high)` of two numbers or one."""
    low, high = _numbers(name, values)
    if not 0 < low <= high:
        raise ValueError(
            f"`{name}` must be positive, the low end first. "
            f"Received: {name}={values!r}"
        )
    return low, high


def _numbers(name, values):
    pair = values if isinstance(values, (list, tuple)) else (values, values)
    try:
        low, high = map(float, pair)
    except (TypeError, ValueError):
        raise ValueError(
            f"`{name}` must be a number or (low, high). "
            f"Received: {name}={values!r}"
        ) from None
    return low, high
