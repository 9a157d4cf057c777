"""Arguments that several commands share."""

import keras
import numpy as np
import pytest

from msrnn_keras.cli.arguments import load
from tests.reference import clips, tiny


@pytest.fixture(scope="module")
def model():
    return tiny(context=3)


def test_a_model_file_is_loaded(model, tmp_path):
    model.save(tmp_path / "a.keras")
    loaded = load(str(tmp_path / "a.keras"))
    np.testing.assert_allclose(
        loaded.forecast(clips()), model.forecast(clips()), atol=1e-6
    )


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
