import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.presets import torch_checkpoints
from tests import reference
from tests.descriptors import ARCHITECTURES
from tests.reference import assert_equal

MIM = [
    f"_conv_{name}" for name in "x2h_n n2h_n diff2o n2o x2h_s c2h_s s2o".split()
]
MOTION = [f"_conv_{name}" for name in "enc u r z hm dec g".split()]
MOTION.append("_deconv_dec")
# Layers (of six) in which the published code uses no array of a name.
UNUSED = {
    "predrnn++": {"_conv_x": (0, 2, 3, 4, 5), "_conv_z": (0, 2, 3, 4, 5)},
    "mim": dict.fromkeys(MIM, (0,)),
    "motionrnn": dict.fromkeys(MIM, (0,)) | dict.fromkeys(MOTION, (5,)),
}
FORGET = {"mim": (1, 2, 3, 4, 5), "motionrnn": (1, 2, 3, 4, 5)}


def expected_export(name, weights):
    """Arrays with zeros wherever the published code does not use them."""
    expected = {key: value.copy() for key, value in weights.items()}
    for key, value in expected.items():
        if not key.startswith("rnns.lstm."):
            continue
        _, _, layer, weight = key.split(".", 3)
        weight = weight.rsplit(".", 1)[0]
        if int(layer) in UNUSED.get(name, {}).get(weight, ()):
            value[...] = 0
        no_forget = int(layer) in FORGET.get(name, ())
        if no_forget and weight in ("_conv_x2h", "_conv_h2h"):
            quarter = len(value) // 4
            value[quarter : 2 * quarter] = 0
    return expected


@pytest.mark.parametrize(
    "descriptor",
    [d for d in ARCHITECTURES if d.golden],
    ids=lambda descriptor: descriptor.name,
)
def test_export_gives_back_what_was_loaded(descriptor):
    *_, weights = reference.golden(descriptor.golden)
    model, *_ = reference.golden_model(descriptor)
    exported = torch_checkpoints.export_torch_checkpoint(model)
    expected = expected_export(descriptor.name, weights)
    assert set(exported) == set(expected)
    for name, value in expected.items():
        assert exported[name].dtype == "float32"
        np.testing.assert_array_equal(exported[name], value, err_msg=name)
    used = sum(value.size for value in expected.values())
    zeros = sum((value == 0).sum() for value in expected.values())
    assert model.count_params() == used - zeros


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("name", "count", "in_checkpoint"),
    [
        ("predrnn", 3_594_817, 3_594_817),
        ("predrnn++", 4_869_953, 5_608_513),
        ("mim", 6_364_417, 7_361_473),
        ("motionrnn", 6_530_312, 7_560_547),
    ],
)
def test_parameter_counts_equal_the_published_ones(name, count, in_checkpoint):
    model = msrnn_keras.create(name)
    exported = torch_checkpoints.export_torch_checkpoint(model)
    assert model.count_params() == count
    assert sum(array.size for array in exported.values()) == in_checkpoint


@pytest.mark.backend_free
@pytest.mark.parametrize("skips", ["add", "unet3+", "fc"])
def test_prefixes_of_distributed_runs_and_other_topologies(skips):
    model = reference.tiny("ms-predrnn-v2", skips=skips)
    exported = torch_checkpoints.export_torch_checkpoint(model)
    layers = "rnns.lstm." if skips == "add" else "rnns.lstms."
    assert f"{layers}0._conv_x2h.weight" in exported
    assert "rnns.adapter.weight" in exported
    twin = reference.tiny("ms-predrnn-v2", skips=skips, seed=8)
    assert (twin.get_weights()[0] != model.get_weights()[0]).any()
    named = {f"module.{name}": value for name, value in exported.items()}
    assert torch_checkpoints.load_torch_checkpoint(twin, named) is twin
    assert_equal(twin.get_weights(), model.get_weights())


@pytest.mark.backend_free
def test_a_file_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    model = reference.tiny("predrnn")
    exported = torch_checkpoints.export_torch_checkpoint(model)
    state = {name: torch.from_numpy(a) for name, a in exported.items()}
    torch.save(state, tmp_path / "best.pth")
    twin = torch_checkpoints.model_of_torch_checkpoint(
        "predrnn", tmp_path / "best.pth", context=4, horizon=3
    )
    assert twin.filters == model.filters
    assert_equal(twin.get_weights(), model.get_weights())


@pytest.mark.backend_free
def test_mismatches_are_listed_and_nothing_is_loaded():
    model = reference.tiny("predrnn++")
    exported = torch_checkpoints.export_torch_checkpoint(
        reference.tiny("predrnn++", seed=8)
    )
    before = model.get_weights()
    bias, unused = "fc.conv_fc.bias", "rnns.lstm.0._conv_z.bias"
    without = {k: v for k, v in exported.items() if k != bias}
    other = torch_checkpoints.export_torch_checkpoint(reference.tiny("predrnn"))
    for source, message in (
        (without, f"Received: missing: {bias}"),
        (other, r"Received: missing: .*unknown: .*and \d+ more"),
        ({**exported, "rnns.a": np.zeros(1)}, "Received: unknown: rnns.a"),
        (
            {**exported, bias: np.zeros(2)},
            rf"Received: of another shape: {bias} \(2,\), not \(1,\)",
        ),
        (
            {**exported, unused: np.zeros(3)},
            f"Received: of another shape: {unused}",
        ),
        ({**exported, bias: "text"}, f"state_dict. Received: {bias}"),
        ({**exported, f"module.{bias}": np.zeros(1)}, "two arrays.*Received"),
        (
            {**exported, bias: np.full(1, -np.inf)},
            f"Received: with NaN or infinity: {bias}",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            torch_checkpoints.load_torch_checkpoint(model, source)
        assert_equal(model.get_weights(), before)
    del exported[unused]  # may be missing
    torch_checkpoints.load_torch_checkpoint(model, exported)
    del exported["fc.conv_fc.weight"]
    with pytest.raises(ValueError, match="an array fc.conv_fc.weight. Rec"):
        torch_checkpoints.model_of_torch_checkpoint("predrnn", exported)


@pytest.mark.backend_free
def test_unreadable_files_are_refused(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "broken.pth"
    model = reference.tiny("predrnn")
    for content in (b"", b"no checkpoint", b"PK\x03\x04", b"\x80\x02K"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="state_dict.*Received: .*broken"):
            torch_checkpoints.load_torch_checkpoint(model, path)
    with pytest.raises(FileNotFoundError, match="Received: .*missing.pth"):
        torch_checkpoints.load_torch_checkpoint(model, tmp_path / "missing.pth")

    class Code:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"a": Code()}, path)
    with pytest.raises(ValueError, match="Received: .*broken.pth"):
        torch_checkpoints.load_torch_checkpoint(model, path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.backend_free
def test_pytorch_loads_the_export_strictly():
    torch = pytest.importorskip("torch")
    *_, weights = reference.golden("mim")
    model = msrnn_keras.create(
        "mim", image_shape=(16, 16, 1), context=4, horizon=3, filters=4
    )
    module = torch.nn.Module()
    for name, value in weights.items():
        *path, last = name.split(".")
        parent = module
        for part in path:
            if not hasattr(parent, part):
                parent.add_module(part, torch.nn.Module())
            parent = getattr(parent, part)
        parent.register_parameter(
            last, torch.nn.Parameter(torch.zeros(value.shape))
        )
    state = torch_checkpoints.export_torch_checkpoint(model)
    module.load_state_dict(
        {name: torch.from_numpy(a) for name, a in state.items()}, strict=True
    )
