"""Every cell and architecture once. The shared checks run over these lists."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import pytest

from msrnn_keras import cells
from tests.cells import equations
from tests.reference import tiny


class CellDescriptor(NamedTuple):
    cell: type
    options: dict  # every argument of its own, none at its default; see `make`
    equations: Callable | None = None  # None: the golden files test them

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
        """A model of three layers: a first, a middle and a last one."""
        sizes = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
        scales = (1, 2, 1) if self.name.startswith("ms-") else (1, 1, 1)
        small = {**sizes, "scales": scales, "filters": 4, **self.options}
        return tiny(self.name, **{**small, **options})


SIZES = {"filters": 3, "kernel_size": 5}
CELLS = [
    CellDescriptor(cells.ConvLSTMCell, SIZES, equations.convlstm),
    CellDescriptor(cells.ConvGRUCell, SIZES),
    CellDescriptor(cells.TrajGRUCell, {**SIZES, "links": 2}, equations.trajgru),
    CellDescriptor(cells.STLSTMCell, SIZES),
    CellDescriptor(cells.CausalLSTMCell, SIZES),
    CellDescriptor(cells.MIMCell, SIZES),
    CellDescriptor(
        cells.PrecipLSTMCell,
        {**SIZES, "attention_window": 4},
        equations.preciplstm,
    ),
    CellDescriptor(cells.MoDeRNNCell, SIZES, equations.modernn),
    CellDescriptor(cells.CMSLSTMCell, SIZES, equations.cms_lstm),
    CellDescriptor(cells.MKLSTMCell, SIZES, equations.mk_lstm),
    CellDescriptor(
        cells.GradientHighwayCell, {"cell": lambda: cells.ConvLSTMCell(3)}
    ),
    CellDescriptor(
        cells.MotionCell,
        {"cell": lambda: cells.STLSTMCell(8), "motion_limit": 1.5},
        equations.motion,
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

BY_NAME = {descriptor.name: descriptor for descriptor in ARCHITECTURES}
every_cell = pytest.mark.parametrize(
    "descriptor", CELLS, ids=lambda descriptor: descriptor.cell.__name__
)


def each(descriptors, everywhere):
    """Test architectures, those not `everywhere` on one backend alone."""
    return pytest.mark.parametrize(
        "descriptor",
        [
            pytest.param(d, id=d.name)
            if d.name in everywhere
            else pytest.param(d, id=d.name, marks=pytest.mark.backend_free)
            for d in descriptors
        ],
    )
