import keras
import pytest

from msrnn_keras.cli.arguments import load


@pytest.mark.backend_free
def test_other_model_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*none.keras"):
        load(str(tmp_path / "none.keras"))
    (tmp_path / "a.keras").write_bytes(b"no model")
    with pytest.raises(ValueError, match="cannot be loaded.*a.keras"):
        load(str(tmp_path / "a.keras"))
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    other.save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match="Received: Sequential in .*a.keras"):
        load(str(tmp_path / "a.keras"))
