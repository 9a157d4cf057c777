"""The motion that a model has learned to follow."""

import contextlib
import math

import numpy as np
from keras import ops

from msrnn_keras.cells import MotionCell
from msrnn_keras.models.architectures import CELL_SPECS
from msrnn_keras.utils.checks import filled


def model_flow(model, frames):
    """Give the flow that a model used at the last of the given frames.

    Of TrajGRU these are the flow fields, one per link, along which it read
    its hidden state. MotionRNN has nine offsets for each pixel of its half
    map, which say where its content comes from; given are their mean with the
    sign turned, as one link. Both then say how far the content has moved
    within the last frame interval.

    Args:
        model: `MSStack` of such cells.
        frames: Array of floats, one clip, (time, height, width, channels).
            All of it is the past.

    Returns:
        A dict from the name of each layer with a flow, `"layer_0"`, …, to an
        array (links, height / n, width / n, 2), where n is the layer's scale
        (twice that in MotionRNN) times the patch size, rounded up: motion
        along the width (x, to the right) and along the height (y, downwards),
        in pixels of the frames per frame.

    Raises:
        ValueError: If the model has no flow, or the frames have a wrong shape
            or contain NaN.
        TypeError: If they are not floating-point.

    Example:
    >>> model = msrnn_keras.create("ms-trajgru", links=5)
    >>> model_flow(model, past[0])["layer_1"].shape
    (5, 32, 32, 2)

    Reference:
        Shi et al., 2017, arXiv:1706.03458 (TrajGRU). Wu et al., 2021,
        arXiv:2103.02243 (MotionRNN).
    """
    cells = _flow_cells(model)
    if not cells:
        names = [name for name, row in CELL_SPECS.items() if _row_has_flow(row)]
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
    frames = model._checked(frames[None])
    size = frames.shape[2:4]
    multiple = model._forecaster.cell.wiring.multiple
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
    """Tell whether `model_flow` takes a model.

    Args:
        model: A model, or anything that forecasts.

    Returns:
        Boolean.
    """
    return bool(_flow_cells(model))


def _flow_cells(model):
    """The cells whose step gives a flow: name -> cell."""
    forecaster = getattr(model, "_forecaster", None)
    cells = forecaster.cell.wiring.cells if forecaster else ()
    return {cell.name: cell for cell in cells if "flow" in cell.aux_names}


def _row_has_flow(row):
    return row.motion or "flow" in row.cell.aux_names


def _moves(cell):
    """Whether the flow of a cell is that of MotionRNN."""
    while not isinstance(cell, MotionCell):
        if not hasattr(cell, "cell"):
            return False
        cell = cell.cell
    return True


def _last_flows(model, cells, frames):
    """The raw flow of the last step: name -> (height, width, channels)."""
    forecaster = model._forecaster
    states = forecaster.start(1, frames.shape[2:4])
    for step in range(frames.shape[1] - 1):
        _, states = forecaster.advance(frames[:, step], states)
    graph = forecaster.cell.model
    last = ops.convert_to_tensor(frames[:, -1], dtype=graph.inputs[0].dtype)
    flows = {}
    with contextlib.ExitStack() as stack:
        for name, cell in cells.items():
            stack.enter_context(_recorded(cell, name, flows))
        graph([last, *states], training=False)  # not compiled
    return {
        name: ops.convert_to_numpy(ops.cast(flow, "float32"))[0]
        for name, flow in flows.items()
    }


@contextlib.contextmanager
def _recorded(cell, name, flows):
    """Keep the flow of each step that a cell takes."""
    step = cell.step

    def recorded(x, states):
        output, states, aux = step(x, states)
        flows[name] = aux["flow"]
        return output, states, aux

    cell.step = recorded
    try:
        yield
    finally:
        del cell.step
