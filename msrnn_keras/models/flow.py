"""The motion that a model has learned."""

import math

import numpy as np
from keras import ops

from msrnn_keras.cells import MotionCell
from msrnn_keras.models.architectures import CELL_SPECS
from msrnn_keras.utils.checks import filled


def model_flow(model, frames):
    """Return the flow that a model uses at the last of the given frames.

    It is that of TrajGRU's links, or the negated mean of MotionRNN's offsets.

    Args:
        model: `MSStack` with such cells.
        frames: Array of floats `(time, height, width, channels)`, the past.

    Returns:
        Dict from the name of each layer with a flow, `"layer_0"`, …, to an
        array `(links, height / n, width / n, 2)`, motion to the right and down,
        pixels of the frames per frame. Sizes are rounded up; n is the scale of
        the layer (twice that in MotionRNN) times the patch size.

    Raises:
        ValueError: If the model has no flow or refuses the frames.

    Example:
    >>> flow = model_flow(create("ms-trajgru"), past[0])["layer_1"]
    """
    cells = _flow_cells(model)
    if _has_extras(model):
        raise ValueError(
            "A flow is that of a model without noise and covariates. Received: "
            f"noise={model.noise}, covariates={model.covariates}"
        )
    if not cells:
        names = [
            name
            for name, spec in CELL_SPECS.items()
            if spec.motion or "flow" in spec.cell.aux_names
        ]
        raise ValueError(
            f"Only {', '.join(names)} and stacks with `motion=True` have a "
            f"flow. Received: model={model!r}"
        )
    frames = np.asarray(filled(frames))
    if frames.ndim != 4:
        raise ValueError(
            "`frames` must be one clip, (time, height, width, channels), "
            f"without a batch axis. Received: shape {frames.shape}"
        )
    frames = model._validated(frames[None])
    size = frames.shape[2:4]
    multiple = model._stepper.cell.wiring.multiple
    padded = size[0] + -size[0] % multiple
    flows = {}
    for name, flow in _last_flows(model, cells, frames).items():
        factor = padded // flow.shape[0]
        rows, columns = (math.ceil(n / factor) for n in size)
        links = flow.reshape(*flow.shape[:2], -1, 2).transpose(2, 0, 1, 3)
        if _moves(cells[name]):
            links = -links.mean(axis=0, keepdims=True)
        flows[name] = factor * links[:, :rows, :columns]
    return flows


def has_flow(model):
    """Return whether `model_flow` takes a model, which may be a baseline."""
    return bool(_flow_cells(model)) and not _has_extras(model)


def _has_extras(model):
    """Return whether more than frames enter a model."""
    extras = (getattr(model, name, 0) for name in ("noise", "covariates"))
    return any(extras)


def _flow_cells(model):
    """Return the cells whose step returns a flow: name -> cell."""
    forecaster = getattr(model, "_stepper", None)
    cells = forecaster.cell.wiring.cells if forecaster else ()
    return {cell.name: cell for cell in cells if "flow" in cell.aux_names}


def _moves(cell):
    """Return whether the flow of a cell is that of MotionRNN."""
    inner = getattr(cell, "cell", None)
    return isinstance(cell, MotionCell) or bool(inner and _moves(inner))


def _last_flows(model, cells, frames):
    """Return the raw flow of the last step: name -> array."""
    forecaster = model._stepper
    states = forecaster.start(1, frames.shape[2:4])
    for step in range(frames.shape[1] - 1):
        _, states = forecaster.advance(frames[:, step], states)
    graph = forecaster.cell.model
    last = ops.convert_to_tensor(frames[:, -1], dtype=graph.inputs[0].dtype)
    flows = {}

    def recorded(name, step):
        def record(x, states):
            output, states, aux = step(x, states)
            flows[name] = ops.convert_to_numpy(ops.cast(aux["flow"], "float32"))
            return output, states, aux

        return record

    for name, cell in cells.items():
        cell.step = recorded(name, cell.step)
    try:
        graph([last, *states], training=False)  # not compiled
    finally:
        for cell in cells.values():
            del cell.step
    return {name: flow[0] for name, flow in flows.items()}
