import math

import pytest

from msrnn_keras import create
from msrnn_keras.cost.compare import compare, table

SMALL = {
    "image_shape": (16, 16, 1),
    "context": 3,
    "horizon": 2,
    "scales": (1, 2, 1),
}


@pytest.fixture(scope="module")
def costs():
    return compare("convlstm", filters=4, **SMALL)


def test_plain_beside_multi_scale(costs):
    plain, multi_scale = costs.plain, costs.multi_scale
    assert (plain.name, multi_scale.name) == ("convlstm", "ms-convlstm")
    model = create("convlstm", filters=4, **{**SMALL, "scales": (1, 1, 1)})
    assert plain.parameters == model.count_params() == multi_scale.parameters
    assert multi_scale.flops < plain.flops
    assert multi_scale.memory.total < plain.memory.total
    assert set(plain.fields) == {1} and set(multi_scale.fields) == {1, 2}
    assert multi_scale.fields[1].newest > plain.fields[1].newest


@pytest.mark.parametrize("name", ["ms-convlstm", "MS_ConvLSTM"])
def test_either_name_gives_both(costs, name):
    assert compare(name, filters=4, **SMALL) == costs


def test_an_alias_is_known():
    costs = compare("ms-lstm", filters=2, **SMALL)
    assert costs.multi_scale.name == "ms-mk-lstm"


def test_the_batch_only_counts_for_memory(costs):
    more = compare("convlstm", batch=8, filters=4, **SMALL)
    a, b = costs.plain, more.plain
    assert (b.flops, b.fields) == (a.flops, a.fields)
    kernel = 4 * 3 * 3 * 2 * 16  # of the folded embed, made of the weights
    maps = a.memory.activations - kernel
    assert b.memory.activations == 2 * maps + kernel
    assert b.memory.weights == a.memory.weights


@pytest.mark.parametrize(
    "options",
    [
        {"filters": 8},
        {"kernel_size": 5},
        {"horizon": 4},
        {"image_shape": (32, 32, 1)},
        {"patch_size": 2},
        {"dtype": "mixed_bfloat16"},
        {"motion": True},
    ],
)
def test_options_reach_both_models(costs, options):
    other = compare("convlstm", **{"filters": 4, **SMALL, **options})
    for a, b in zip(costs[:2], other[:2], strict=True):
        assert a.memory != b.memory


def test_topology_and_scales_are_those_of_the_multi_scale_model(costs):
    small = {**SMALL, "filters": 4, "scales": (1, 4, 4, 1)}
    add, unet = (
        compare("convlstm", skips=s, **small) for s in ("add", "unet3+")
    )
    assert set(add.multi_scale.fields) == {1, 4}
    assert add.plain == unet.plain
    assert add.multi_scale.flops < unet.multi_scale.flops
    assert compare("convlstm", **small) == add


@pytest.mark.parametrize(
    "arguments, received",
    [
        ({"name": "lstm"}, "Received: 'lstm'"),
        ({"batch": 0}, "Received: batch=0"),
        ({"filters": 0}, "Received: filters=0"),
        ({"links": 3}, r"Received: \['links'\]"),
        ({"skips": "unet"}, "Received: skips='unet'"),
        ({"image_shape": (None, 8, 1)}, r"Received: image_shape=\(None, 8, 1"),
    ],
)
def test_bad_options_are_refused(arguments, received):
    arguments = {"name": "convlstm", **SMALL, "filters": 2, **arguments}
    with pytest.raises(ValueError, match=f"{received}[^R]*$") as error:
        compare(**arguments)
    assert "\n" not in str(error.value)


def test_table_shows_every_quantity_and_the_ratios(costs):
    lines = table(costs).splitlines()
    assert lines[0].startswith("16×16×1, 3 → 2 frames, 4 filters")
    assert lines[1].split() == ["convlstm", "ms-convlstm", "ratio"]
    parameters = f"{costs.plain.parameters:,}"
    assert lines[2].split() == ["parameters", parameters, parameters, "1.00"]
    ratio = f"{costs.multi_scale.flops / costs.plain.flops:.2f}"
    assert lines[3].startswith("GFLOPs") and lines[3].split()[-1] == ratio
    field = next(line for line in lines if "newest frame, scale 1" in line)
    sides = [x.fields[1].newest for x in (costs.plain, costs.multi_scale)]
    ratio = f"{sides[1] / sides[0]:.2f}"
    assert field.split()[-3:] == [*map(str, sides), ratio]
    missing = next(line for line in lines if "newest frame, scale 2" in line)
    side = costs.multi_scale.fields[2].newest
    assert missing.split()[-2:] == ["–", str(side)]
    total = next(line for line in lines if "total" in line)
    megabytes = costs.plain.memory.total / 2**20
    assert total.split()[-3] == f"{megabytes:,.1f}"


def test_an_unbounded_field_is_the_whole_frame():
    costs = compare("trajgru", filters=2, links=2, **SMALL)
    assert "links=2" in table(costs).splitlines()[0]
    assert costs.plain.fields[1].newest == math.inf
    line = next(x for x in table(costs).splitlines() if "newest" in x)
    assert line.split()[-2:] == ["all", "all"]
