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
