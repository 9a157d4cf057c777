import keras
import pytest

from msrnn_keras import layers
from msrnn_keras.layers.block_attention import BlockAttention
from msrnn_keras.layers.drop_path import DropPath
from msrnn_keras.layers.grouped_conv import GroupedConv2D
from msrnn_keras.layers.local_attention import LocalAttention
from msrnn_keras.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
)
from msrnn_keras.layers.summed_conv import SummedConv
from msrnn_keras.layers.time_folding import (
    BatchToTime,
    ChannelsToTime,
    TimeToBatch,
    TimeToChannels,
)
from msrnn_keras.layers.warp import Warp

pytestmark = pytest.mark.backend_free
L2 = {"conv_options": {"kernel_regularizer": keras.regularizers.L2(0.5)}}
LAYERS = [
    (layers.AddToFrame, {}),
    (layers.Conv2D, {"filters": 2, "kernel_size": (3, 3)}),
    (layers.CropToFrame, {}),
    (layers.DepthToSpace, {"block": 3}),
    (layers.MarkMissing, {}),
    (layers.PadToMultiple, {"multiple": 3, "fill": 1.0}),
    (layers.Resample, {"source": 2, "target": 4}),
    (layers.SpaceToDepth, {"block": 3}),
    (BatchNormalization, {"momentum": 0.8, "epsilon": 1e-4}),
    (BatchToTime, {"frames": 3}),
    (ChannelsToTime, {"frames": 3}),
    (DropPath, {"rate": 0.3, "seed": 4}),
    (GroupNormalization, {"groups": 3, "epsilon": 1e-4}),
    (
        GroupedConv2D,
        {"filters": 4, "kernel_size": (3, 3), "strides": (2, 2), "groups": 2},
    ),
    (TimeToBatch, {}),
    (TimeToChannels, {"frames": 3}),
    (BlockAttention, {"blocks": 3, **L2}),
    (LocalAttention, {"window": 7}),
    (SummedConv, {"filters": 2, "kernel_sizes": (3, 7), "factor": 0.5, **L2}),
    (Warp, {}),
]


@pytest.mark.parametrize(
    ("layer", "options"), LAYERS, ids=[layer.__name__ for layer, _ in LAYERS]
)
def test_config_round_trip(layer, options):
    one = layer(**options, name="one", dtype="bfloat16")
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(one)
    )
    assert type(twin) is layer
    assert twin.get_config() == one.get_config()
    assert (twin.name, twin.dtype_policy.name) == ("one", "bfloat16")
    for name in set(options) - {"conv_options"}:
        assert getattr(twin, name) == options[name]
