"""The tables of cells and architectures. Data, no logic.

To add an architecture, add a row to `CELLS`; see CONTRIBUTING.md.
"""

from typing import NamedTuple

from msrnn_keras import cells

PLAIN = (1, 1, 1, 1, 1, 1)
MULTI_SCALE = (1, 2, 4, 4, 2, 1)


class Cells(NamedTuple):
    """Which cells the layers of a stack have."""

    cell: type  # of every layer
    first: type | None = None  # of the first layer, where it is another one
    highway: bool = False  # a Gradient Highway Unit before the second layer
    motion: bool = False  # MotionGRU on every layer but the last
    decoupling: float = 0.0  # weight of the decoupling loss
    # What a stream forecasts from: "context", the newest `context` frames, or
    # None, all frames. Measured with `benchmarks.long_streams`.
    stream_window: str | None = None


class Architecture(NamedTuple):
    """One row: the row of `CELLS` and the scale of each layer."""

    cell: str
    scales: tuple


CELLS = {
    "convlstm": Cells(cells.ConvLSTMCell),
    "convgru": Cells(cells.ConvGRUCell),
    "trajgru": Cells(cells.TrajGRUCell),
    "predrnn": Cells(cells.STLSTMCell),
    "predrnn++": Cells(
        cells.CausalLSTMCell, highway=True, stream_window="context"
    ),
    "mim": Cells(cells.MIMCell, first=cells.STLSTMCell),
    "motionrnn": Cells(
        cells.MIMCell,
        first=cells.STLSTMCell,
        motion=True,
        stream_window="context",
    ),
    "predrnn-v2": Cells(cells.STLSTMCell, decoupling=0.01),
    "preciplstm": Cells(cells.PrecipLSTMCell, stream_window="context"),
    "modernn": Cells(cells.MoDeRNNCell),
    "cms-lstm": Cells(cells.CMSLSTMCell),
    "mk-lstm": Cells(cells.MKLSTMCell),
}
# Every row, plain and multi-scale.
ARCHITECTURES = {
    **{name: Architecture(name, PLAIN) for name in CELLS},
    **{f"ms-{name}": Architecture(name, MULTI_SCALE) for name in CELLS},
}
ALIASES = {"ms-lstm": "ms-mk-lstm"}
