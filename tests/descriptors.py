"""Every cell and architecture once. The shared checks run over these lists."""

from typing import NamedTuple

import keras
import pytest

import msrnn_keras
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


class NetworkDescriptor(NamedTuple):
    name: str  # of an architecture without states
    parameters: int  # that are trained, at the published size
    options: dict  # arguments that keep the checks small
    gflops: float  # published, two per multiplication and addition
    layer: str = "decoder_1 (ConvSC)"  # in the summary
    setting: str = "4 filters, translator_filters=16"  # in that of costs
    spread: float = 0.5  # of weights that leave no unit without a gradient
    deeper: dict = {}  # with which recomputing the blocks saves memory

    def small(self, **options):
        """A model that sees 2 frames of 8×8 pixels and forecasts 3."""
        sizes = {"image_shape": (8, 8, 1), "context": 2, "horizon": 3}
        options = {**sizes, **self.options, **options}
        keras.utils.set_random_seed(options.pop("seed", 7))
        return msrnn_keras.create(self.name, **options)


_SIMVP = {"filters": 4, "translator_filters": 16, "translator_blocks": 2}
_SIMVP["spatial_layers"] = 2
_INCEPTION = {**_SIMVP, "inception_groups": 4, "inception_kernel_sizes": (3, 5)}
_EARTHFORMER = {"base_units": 32, "enc_depth": (1, 1), "dec_depth": (1, 1)}
_EARTHFORMER |= {"enc_attn_patterns": "full", "dec_self_attn_patterns": "full"}
NETWORKS = [
    NetworkDescriptor("simvp", 57_946_113, _INCEPTION, 38.669),
    NetworkDescriptor("simvp-original", 15_778_433, _INCEPTION, 17.387),
    NetworkDescriptor("simvp-v2", 46_769_665, _SIMVP, 32.937),
    NetworkDescriptor("tau", 44_656_001, _SIMVP, 31.788),
    NetworkDescriptor(
        *("earthformer", 6_702_109, _EARTHFORMER, 66.655),
        *("(CrossBlock)", "base_units=32", 0.1),
        {"enc_depth": (2, 2), "dec_depth": (2, 2)},
    ),
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
every_network = each(NETWORKS, [d.name for d in NETWORKS])
# The others have the same layers; golden values show them on all backends.
some_networks = each(NETWORKS, ("tau", "earthformer"))
