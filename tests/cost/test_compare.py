import math

import pytest

from msrnn_keras import create
from msrnn_keras.cost.compare import compare, table

SMALL = {"image_shape": (16, 16, 1), "scales": (1, 2, 1)}
SMALL |= {"context": 3, "horizon": 2}
CHANGES = {"filters": 8, "kernel_size": 5, "horizon": 4, "patch_size": 2}
CHANGES |= {"image_shape": (32, 32, 1), "dtype": "mixed_bfloat16"}
CHANGES |= {"motion": True}


@pytest.fixture(scope="module")
def costs():
    return compare("convlstm", filters=4, **SMALL)


def test_plain_beside_multi_scale(costs):
    plain, multi_scale = costs.plain, costs.multi_scale
    assert (plain.name, multi_scale.name) == ("convlstm", "ms-convlstm")
    model = create("convlstm", filters=4, **{**SMALL, "scales": (1, 1, 1)})
    assert plain.parameters == model.count_params() == multi_scale.parameters
    assert multi_scale.flops < plain.flops
    assert multi_scale.memory < plain.memory
    assert set(plain.fields) == {1} and set(multi_scale.fields) == {1, 2}
    assert multi_scale.fields[1].newest > plain.fields[1].newest


def test_either_name_gives_both(costs):
    for name in ("ms-convlstm", "MS_ConvLSTM"):
        assert compare(name, filters=4, **SMALL) == costs
    alias = compare("ms-lstm", filters=2, **SMALL)
    assert alias.multi_scale.name == "ms-mk-lstm"


def test_the_batch_counts_for_memory_alone(costs):
    more = compare("convlstm", batch=8, filters=4, **SMALL)
    a, b = costs.plain, more.plain
    assert (b.flops, b.fields) == (a.flops, a.fields)
    # Weights, gradients, moments and the kernel that embed is folded into.
    fixed = 16 * a.parameters + 4 * 3 * 3 * 2 * 16
    assert b.memory - fixed == 2 * (a.memory - fixed)


@pytest.mark.parametrize("name", CHANGES)
def test_options_reach_both_models(costs, name):
    options = {"filters": 4, **SMALL, name: CHANGES[name]}
    other = compare("convlstm", **options)
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
    memory = next(line for line in lines if line.startswith("memory"))
    assert memory.split()[-3] == f"{costs.plain.memory / 2**20:,.1f}"


def test_an_unbounded_field_is_the_whole_frame():
    costs = compare("trajgru", filters=2, links=2, **SMALL)
    assert "links=2" in table(costs).splitlines()[0]
    assert costs.plain.fields[1].newest == math.inf
    line = next(x for x in table(costs).splitlines() if "newest" in x)
    assert line.split()[-2:] == ["all", "all"]
