import math

import pytest

from msrnn_keras import create
from msrnn_keras.cost.compare import compare, table

SMALL = {"image_shape": (16, 16, 1), "scales": (1, 2, 1)}
SMALL |= {"context": 3, "horizon": 2}

pytestmark = pytest.mark.backend_free


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

    assert compare("MS_ConvLSTM", filters=4, **SMALL) == costs
    alias = compare("ms-lstm", filters=2, **SMALL)
    assert alias.multi_scale.name == "ms-mk-lstm"


def test_options_reach_both_models_and_the_batch_counts_for_memory(costs):
    more = compare("convlstm", batch=8, filters=4, **SMALL)
    a, b = costs.plain, more.plain
    assert (b.flops, b.fields) == (a.flops, a.fields)
    # Weights, gradients, moments and the kernel that embed is folded into.
    fixed = 16 * a.parameters + 4 * 3 * 3 * 2 * 16
    assert b.memory - fixed == 2 * (a.memory - fixed)
    half = compare("convlstm", filters=4, dtype="mixed_bfloat16", **SMALL)
    for a, b in zip(costs[:2], half[:2], strict=True):
        assert a.memory > b.memory


def test_topology_and_scales_are_those_of_the_multi_scale_model(costs):
    small = {**SMALL, "filters": 4, "scales": (1, 4, 4, 1)}
    add, unet = (
        compare("convlstm", skips=s, **small) for s in ("add", "unet3+")
    )
    assert set(add.multi_scale.fields) == {1, 4}
    assert add.plain == unet.plain
    assert add.multi_scale.flops < unet.multi_scale.flops
    assert compare("convlstm", **small) == add


def test_bad_options_are_refused():
    for key, value, received in (
        ("name", "lstm", "'lstm'"),
        ("batch", 0, "batch=0"),
        ("links", 3, r"\['links'\]"),
        ("image_shape", (None, 8, 1), r"image_shape=\(None, 8, 1\)"),
    ):
        arguments = {"name": "convlstm", **SMALL, "filters": 2, key: value}
        with pytest.raises(ValueError, match=f"^.*Received: {received}[^\n]*$"):
            compare(**arguments)


def test_table_shows_every_quantity_and_the_ratios(costs):
    a, b = costs[:2]
    lines = table(costs).splitlines()
    assert lines[0].startswith("16×16×1, 3 → 2 frames, 4 filters")
    assert lines[1].split() == ["convlstm", "ms-convlstm", "ratio"]
    parameters = f"{a.parameters:,}"
    assert lines[2].split() == ["parameters", parameters, parameters, "1.00"]
    assert lines[3].startswith("GFLOPs")
    assert lines[3].endswith(f" {b.flops / a.flops:.2f}")
    sides = a.fields[1].newest, b.fields[1].newest
    for start, texts in (
        ("newest frame, scale 1", [*sides, f"{sides[1] / sides[0]:.2f}"]),
        ("newest frame, scale 2", ["–", b.fields[2].newest]),
        ("memory, MiB", [f"{x.memory / 2**20:,.1f}" for x in (a, b)]),
    ):
        (line,) = (x.partition(start)[2] for x in lines if start in x)
        assert line.split()[: len(texts)] == [*map(str, texts)]
    costs = compare("trajgru", filters=2, links=2, **SMALL)
    assert "links=2" in table(costs).splitlines()[0]
    assert costs.plain.fields[1].newest == math.inf
    line = next(x for x in table(costs).splitlines() if "newest" in x)
    assert line.split()[-2:] == ["all", "all"]
