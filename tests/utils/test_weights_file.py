import h5py
import keras
import numpy as np
import pytest

from msrnn_keras.cli.arguments import load_file
from msrnn_keras.utils.weights_file import check_weights_file
from tests.reference import tiny


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_whole_training_passes_and_a_broken_weight_does_not(tmp_path, dtype):
    """Counters, seeds and the optimizer's integers are no weights."""
    model = tiny(dtype=dtype)
    model.compile("adam", loss="mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    paths = tmp_path / "a.weights.h5", tmp_path / "a.keras"
    model.save_weights(paths[0])
    model.save(paths[1])
    for path in paths:
        check_weights_file(path)
    weight = model.trainable_weights[-1]
    weight.assign(keras.ops.full(weight.shape, -np.inf, weight.dtype))
    model.save_weights(paths[0])
    model.save(paths[1])
    for path in paths:
        with pytest.raises(ValueError, match="Received: NaN or inf.*vars"):
            check_weights_file(path)
    with pytest.raises(ValueError, match="Received: NaN or inf.*vars"):
        load_file(paths[1])


@pytest.mark.backend_free
def test_a_type_is_what_is_stored_not_what_is_said(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers/a/vars/0"] = np.ones(3, "int16")
        file["layers/a/vars/0"].attrs["dtype"] = "bfloat16"
    with pytest.raises(ValueError, match="layers/a/vars/0 of type int16"):
        check_weights_file(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes(b"no weights")
    with pytest.raises(OSError, match="cannot be read.*Received: .*a.h5"):
        check_weights_file(tmp_path / "a.h5")
