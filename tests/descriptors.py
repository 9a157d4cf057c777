"""Every cell and architecture once; the shared checks run over these lists."""

from typing import NamedTuple

import keras

from msrnn_keras import cells


class CellDescriptor(NamedTuple):
    cell: type
    options: dict  # every argument, none at its default; see `make`

    def make(self, **others):
        """A new cell; cells and layers among the options are new as well."""
        options = {
            name: value() if callable(value) else value
            for name, value in self.options.items()
        }
        return self.cell(**{**options, **others})


class ArchitectureDescriptor(NamedTuple):
    name: str  # as in `msrnn_keras.models.architectures.ARCHITECTURES`
    parameters: int  # at the published size: 64 filters, kernels of 3, 6 layers
    options: dict = {}  # cell options that keep the checks small
    golden: str = ""  # file under tests/golden, where there is one
    golden_options: dict = {}  # arguments of `create` the file was made with


SIZES = {"filters": 3, "kernel_size": 5}
CELLS = [
    CellDescriptor(cells.ConvLSTMCell, SIZES),
    CellDescriptor(cells.ConvGRUCell, SIZES),
    CellDescriptor(cells.TrajGRUCell, {**SIZES, "links": 2}),
    CellDescriptor(cells.STLSTMCell, SIZES),
    CellDescriptor(cells.CausalLSTMCell, SIZES),
    CellDescriptor(cells.MIMCell, SIZES),
    CellDescriptor(cells.PrecipLSTMCell, {**SIZES, "attention_window": 4}),
    CellDescriptor(cells.MoDeRNNCell, SIZES),
    CellDescriptor(cells.CMSLSTMCell, SIZES),
    CellDescriptor(cells.MKLSTMCell, SIZES),
    CellDescriptor(
        cells.GradientHighwayCell, {"cell": lambda: cells.ConvLSTMCell(3)}
    ),
    CellDescriptor(
        cells.MotionCell,
        {"cell": lambda: cells.STLSTMCell(4), "motion_limit": 50.0},
    ),
    CellDescriptor(
        cells.DecoupledCell,
        {
            "cell": lambda: cells.STLSTMCell(3),
            "adapter": lambda: keras.layers.Conv2D(3, 1, use_bias=False),
        },
    ),
]


def _described(name, parameters, golden="", options=None, **golden_options):
    """The plain and the multi-scale form of a row of the table of cells."""
    golden_options = {
        "image_shape": (16, 16, 1),
        "context": 4,
        "horizon": 3,
        "filters": 4,
        **golden_options,
    }
    return [
        ArchitectureDescriptor(
            form, parameters, options or {}, file, golden_options
        )
        for form, file in (
            (name, golden),
            (f"ms-{name}", "ms-convlstm" if name == "convlstm" else ""),
        )
    ]


ARCHITECTURES = [
    *_described("convlstm", 1_772_737, "convlstm"),
    *_described("convgru", 1_329_601, "convgru"),
    *_described("trajgru", 1_915_705, "trajgru", {"links": 2}),
    *_described("predrnn", 3_594_817, "predrnn"),
    *_described("predrnn++", 4_869_953, "predrnn-plus-plus"),
    *_described("mim", 6_364_417, "mim"),
    *_described("motionrnn", 6_530_312, "motionrnn", filters=8),
    *_described("predrnn-v2", 3_598_977, "predrnn-v2"),
    *_described(
        "preciplstm",
        7_041_217,
        "preciplstm",
        {"attention_window": 4},
        attention_window=6,
    ),
    *_described("modernn", 5_854_657, "modernn"),
    *_described("cms-lstm", 4_483_393, "cms-lstm"),
    *_described("mk-lstm", 7_576_897, "mk-lstm"),
]
