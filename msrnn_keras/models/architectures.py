"""The tables of cells and architectures.

Add a cell to `CELL_SPECS`, another model to `ARCHITECTURES`.
"""

from typing import NamedTuple

from msrnn_keras import cells

PLAIN = (1, 1, 1, 1, 1, 1)
MULTI_SCALE = (1, 2, 4, 4, 2, 1)


class CellSpec(NamedTuple):
    """The cells of the layers of a stack."""

    cell: type  # of every layer
    first: type | None = None  # of the first layer, if it differs
    highway: bool = False  # a Gradient Highway Unit before the second layer
    motion: bool = False  # MotionGRU on every layer but the last
    decoupling_weight: float = 0.0  # weight of the decoupling loss
    # What `stream("auto")` forecasts from: "context", the last `context`
    # frames, or None, all frames. Measured with `benchmarks.long_streams`.
    stream_window: str | None = None


class Architecture(NamedTuple):
    """A class of models and its arguments."""

    model: str  # class name in `presets.configuration.MODULES`
    options: dict  # arguments that differ from the defaults of the class


CELL_SPECS = {
    "convlstm": CellSpec(cells.ConvLSTMCell),
    "convgru": CellSpec(cells.ConvGRUCell),
    "trajgru": CellSpec(cells.TrajGRUCell),
    "predrnn": CellSpec(cells.STLSTMCell),
    "predrnn++": CellSpec(
        cells.CausalLSTMCell, highway=True, stream_window="context"
    ),
    "mim": CellSpec(cells.MIMCell, first=cells.STLSTMCell),
    "motionrnn": CellSpec(
        cells.MIMCell,
        first=cells.STLSTMCell,
        motion=True,
        stream_window="context",
    ),
    "predrnn-v2": CellSpec(cells.STLSTMCell, decoupling_weight=0.01),
    "preciplstm": CellSpec(cells.PrecipLSTMCell, stream_window="context"),
    "modernn": CellSpec(cells.MoDeRNNCell),
    "cms-lstm": CellSpec(cells.CMSLSTMCell),
    "mk-lstm": CellSpec(cells.MKLSTMCell),
}


def _stack(cell, scales):
    """Return the row of a stack."""
    return Architecture("MSStack", {"cell": cell, "scales": scales})


# Every cell, plain and multi-scale, then the other models.
ARCHITECTURES = {
    **{name: _stack(name, PLAIN) for name in CELL_SPECS},
    **{f"ms-{name}": _stack(name, MULTI_SCALE) for name in CELL_SPECS},
    "simvp": Architecture("SimVP", {"translator": "inception"}),
    "simvp-original": Architecture(
        "SimVP",
        {
            "translator": "inception",
            "original": True,
            "translator_filters": 256,
        },
    ),
    "simvp-v2": Architecture("SimVP", {"translator": "gsta"}),
    "tau": Architecture("SimVP", {"translator": "tau"}),
    "earthformer": Architecture("Earthformer", {}),
}
ALIASES = {"ms-lstm": "ms-mk-lstm"}


def names_of(model):
    """Return the names of the architectures of a class."""
    return tuple(k for k, row in ARCHITECTURES.items() if row.model == model)
