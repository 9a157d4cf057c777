"""The table of architectures: name -> cell and scales. Data, no logic."""

from typing import NamedTuple

PLAIN = (1, 1, 1, 1, 1, 1)
MULTI_SCALE = (1, 2, 4, 4, 2, 1)


class Architecture(NamedTuple):
    """One row: the cell of every layer and the scale of each layer."""

    cell: str
    scales: tuple


ARCHITECTURES = {
    "convlstm": Architecture("convlstm", PLAIN),
    "ms-convlstm": Architecture("convlstm", MULTI_SCALE),
}
