"""Values of a search space: checks, texts, and arguments of a model."""

import contextlib
import inspect

import keras

from msrnn_keras.models.architectures import CELL_SPECS
from msrnn_keras.models.ms_stack import MSStack
from msrnn_keras.models.step_graph import cell_arguments
from msrnn_keras.training.optimization import SAMPLINGS
from msrnn_keras.utils.arguments import (
    check_finite,
    check_integers,
    check_known,
    check_positive,
    is_number,
)
from msrnn_keras.utils.names import lookup

NO_SAMPLING = "none"
_PARAMETERS = inspect.signature(MSStack).parameters.values()
_STACK = {p.name for p in _PARAMETERS if p.kind is not p.VAR_KEYWORD}


def choices(name, values, check=None, known=None):
    """Return one or several checked values as a list without duplicates."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        values = [values]
    if not len(values):
        message = f"`{name}` needs at least one value. Received: {name}=[]"
        raise ValueError(message)
    if check is not None:
        values = [check(name, value) for value in values]
    for value in values if known is not None else ():
        check_known(name, value, known)
    return list(dict.fromkeys(values))


def cell_name(argument, name):
    """Return the canonical name of a cell; refuse an unknown one."""
    return lookup(name, CELL_SPECS, argument)[0]


def scale_texts(scales):
    """Return one or several tuples of scales as texts, `"1,2,1"`."""
    several = scales if isinstance(scales, (list, tuple)) else ()
    if several and all(map(is_number, several)):
        several = [several]
    if not several or not all(isinstance(s, (list, tuple)) for s in several):
        raise ValueError(
            "`scales` must be a tuple of integers for each choice, such as "
            f"((1, 2, 2, 1), (1, 1)). Received: scales={scales!r}"
        )
    several = [check_integers("scales", one) for one in several]
    for one in several:
        if not one or one != one[::-1]:
            raise ValueError(
                "Each of `scales` must have one scale per layer and read the "
                f"same backwards. Received: scales={one}"
            )
    return list(dict.fromkeys(",".join(map(str, one)) for one in several))


def sampling_texts(names, steps):
    """Return the schedules and their steps as texts, `"linear 4000"`."""
    names = choices("sampling", names, known=(NO_SAMPLING, *SAMPLINGS))
    steps = choices("sampling_steps", steps, check_positive)
    texts = []
    for name in names:
        numbered = [f"{name} {number}" for number in steps]
        texts += [name] if name == NO_SAMPLING else numbered
    return texts


def schedule(text):
    """Return the `ScheduledSampling` of a text of `sampling_texts`."""
    if text == NO_SAMPLING:
        return None
    name, steps = text.split()
    return SAMPLINGS[name](int(steps))


def span(name, values):
    """Return `(low, high)` of one number or two."""
    pair = values if isinstance(values, (list, tuple)) else (values, values)
    with contextlib.suppress(TypeError, ValueError):
        low, high = (float(check_finite(name, x)) for x in pair)
        if 0 < low <= high:
            return low, high
    raise ValueError(
        f"`{name}` must be a positive number, or (low, high) of them. "
        f"Received: {name}={values!r}"
    )


def architecture(values, fixed):
    """Return the name and arguments of `create` for a point of the space."""
    if "model" in values:  # of `SimVPHyperModel`
        others = ("model", "learning_rate", "batch_size")
        arguments = {k: x for k, x in values.items() if k not in others}
        return values["model"], {**arguments, **fixed}
    cell = values["cell"]
    scales = tuple(int(scale) for scale in values["scales"].split(","))
    names = ("filters", "kernel_size", "skips", "patch_size")
    taken = _STACK | cell_arguments(CELL_SPECS[cell])
    arguments = {"scales": scales, **{name: values[name] for name in names}}
    arguments |= {name: x for name, x in fixed.items() if name in taken}
    return cell if set(scales) == {1} else f"ms-{cell}", arguments


def check_fixed(fixed, cells):
    """Refuse arguments that MSStack and the cells do not take."""
    known = _STACK.union(*(cell_arguments(CELL_SPECS[cell]) for cell in cells))
    unknown = sorted(set(fixed) - known)
    if unknown:
        raise ValueError(
            f"Neither MSStack nor {', '.join(cells)} takes this argument; "
            f"check its spelling. Received: {', '.join(unknown)}"
        )


def plain(value):
    """Return a value as JSON and TOML represent it."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, keras.DTypePolicy):
        return value.name
    return value.item() if hasattr(value, "item") else value
