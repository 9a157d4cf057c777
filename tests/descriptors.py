"""Every cell and architecture once. The shared checks run over these lists."""

from typing import NamedTuple

import keras
import pytest

from msrnn_keras import cells
from tests.reference import short


class CellDescriptor(NamedTuple):
    cell: type
    options: dict  # every argument of its own, none at its default; see `make`

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

    def small(self, **options):
        sizes = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
        small = {**sizes, "filters": 4, **self.options}
        return short(self.name, **{**small, **options})


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
        {"cell": lambda: cells.STLSTMCell(8), "motion_limit": 1.5},
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
    """The plain and the multi-scale architecture of a row of `CELL_SPECS`."""
    sizes = {"image_shape": (16, 16, 1), "context": 4, "horizon": 3}
    golden_options = {**sizes, "filters": 4, **golden_options}
    files = (golden, "ms-convlstm" if name == "convlstm" else "")
    return [
        ArchitectureDescriptor(form, parameters, options or {}, *more)
        for form, *more in (
            (name, files[0], golden_options),
            (f"ms-{name}", files[1], golden_options),
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

BY_NAME = {descriptor.name: descriptor for descriptor in ARCHITECTURES}
# The plain stacks have the same cells, as the golden values show.
MULTI_SCALE = [d for d in ARCHITECTURES if d.name.startswith("ms-")]


def each(descriptors, everywhere):
    """Test descriptors, those not `everywhere` on one backend alone."""
    params = []
    for descriptor in descriptors:
        name = getattr(descriptor, "name", None) or descriptor.cell.__name__
        marks = () if name in everywhere else pytest.mark.backend_free
        params.append(pytest.param(descriptor, id=name, marks=marks))
    return pytest.mark.parametrize("descriptor", params)


every_cell = each(CELLS, [d.cell.__name__ for d in CELLS])
some_cells = each(CELLS, ("STLSTMCell", "MotionCell"))
