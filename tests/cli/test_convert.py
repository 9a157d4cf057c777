import re
import zipfile

import keras
import numpy as np
import pytest

from msrnn_keras.cli.main import main
from msrnn_keras.presets import torch_checkpoints
from tests.reference import tiny


@pytest.fixture
def checkpoint(tmp_path):
    """A PyTorch file of a small model, and the model."""
    torch = pytest.importorskip("torch")
    model = tiny("ms-preciplstm", attention_window=4, context=2, horizon=2)
    arrays = torch_checkpoints.export_torch_checkpoint(model)
    state = {name: torch.from_numpy(a) for name, a in arrays.items()}
    torch.save(state, tmp_path / "best.pth")
    return tmp_path / "best.pth", model


def test_convert_writes_a_model_that_keras_loads(checkpoint, tmp_path, capsys):
    path, model = checkpoint
    out = tmp_path / "new" / "folder"
    command = ["convert", str(path), "--model", "MS_PrecipLSTM"]
    command += ["--out", str(out), "--context", "2", "--horizon", "2"]
    assert main([*command, "--set", "attention_window=4"]) == 0
    assert f"{model.count_params():,} parameters" in capsys.readouterr().out
    twin = keras.saving.load_model(out / "model.keras")
    assert twin.get_config() == model.get_config() | {
        "image_shape": (64, 64, 1)
    }
    for a, b in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    before = (out / "model.keras").read_bytes()
    assert main([*command, "--set", "attention_window=4"]) == 2
    assert "has a model already" in capsys.readouterr().err
    assert (out / "model.keras").read_bytes() == before


@pytest.mark.backend_free
def test_convert_refuses_and_writes_nothing(checkpoint, tmp_path, refuse):
    out = tmp_path / "out"
    for model, options, message in (
        ("ms-predrnn", (), "LA.conv1"),
        ("ms-nothing", (), "Received: 'ms-nothing'"),
        ("ms-preciplstm", ("--set", "window"), "Received: window"),
        ("ms-preciplstm", ("--set", "links=3"), "links"),
        ("ms-preciplstm", ("--kernel-size", "5"), "another shape"),
    ):
        command = ["convert", checkpoint[0], "--out", out, "--model", model]
        refuse(message, *command, *options)
        assert not out.exists()


@pytest.mark.backend_free
def test_a_checkpoint_of_a_stranger_is_refused(tmp_path, refuse):
    torch = pytest.importorskip("torch")
    path, out = tmp_path / "junk.pth", tmp_path / "out"
    wide = torch.zeros(1).expand(10**6, 10**6, 1, 1)
    many = torch.zeros(1).expand(40_000_000, 1, 1, 1)
    two = {"embed.conv_embed.weight": many, "fc.conv_fc.weight": many}
    for state, message in (
        ({"a": wide}, "a claim of 4,000,000,000,000 bytes"),
        (two, "a claim of 320,000,000 bytes"),
        ({"a": torch.zeros(2)}, "embed.conv_embed.weight"),
        ({"a": "text"}, "a: str"),
        ({key: torch.zeros(()) for key in two}, "Received"),
        ([1], "state_dict"),
    ):
        torch.save(state, path)
        line = re.compile(f"{message}.*{path}")
        refuse(line, "convert", path, "--model", "ms-convlstm", "--out", out)
        assert not out.exists()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(30 << 20))
    line = re.compile(f"a claim of 31,.*{path}")
    refuse(line, "convert", path, "--model", "ms-convlstm", "--out", out)
