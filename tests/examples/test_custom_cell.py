import keras
import numpy as np
import pytest

from examples import custom_cell
from msrnn_keras import MSStack
from tests import reference
from tests.reference import clips, numpy, sigmoid

SIZES = {"filters": 2, "patch_size": 8, "context": 2, "horizon": 2}


def random_weights(layer):
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.weights])
    return [numpy(w) for w in layer.weights]


def test_the_cell_follows_its_equations():
    cell = custom_cell.MinimalCell(3)
    cell.build((None, None, None, 2))
    w_x, b_x = random_weights(cell.x_to_gates)
    w_h, b_h = random_weights(cell.h_to_gates)
    x, h = (clips(2, 1, (5, 4), channels, seed=channels) for channels in (2, 3))
    output, (new,) = cell(x[:, 0], [h[:, 0]])
    x = reference.conv(x[:, 0], w_x, b_x)
    recurrent = reference.conv(h[:, 0], w_h, b_h)
    forget = sigmoid(x[..., :3] + recurrent[..., :3])
    candidate = np.tanh(x[..., 3:] + forget * recurrent[..., 3:])
    expected = (1 - forget) * h[:, 0] + forget * candidate
    np.testing.assert_allclose(numpy(output), expected, atol=1e-5)
    np.testing.assert_array_equal(numpy(new), numpy(output))


def test_a_stack_of_it_is_saved_and_loaded(tmp_path):
    keras.utils.set_random_seed(1)
    model = MSStack(custom_cell.MinimalCell, scales=(1, 2, 1), **SIZES)
    loaded = custom_cell.save_and_load(model, tmp_path / "own.keras")
    assert loaded.get_config() == model.get_config()
    cells = loaded._stepper.cell.wiring.cells
    assert all(isinstance(cell, custom_cell.MinimalCell) for cell in cells)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="compiles longer than it runs"
)
def test_from_training_to_the_file(tmp_path, capsys, monkeypatch):
    small = {"SIZES": SIZES, "BATCH": 2, "TEST_CLIPS": 2, "PLAIN": (1,)}
    for name, value in {**small, "MULTI_SCALE": (1, 2, 1)}.items():
        monkeypatch.setattr(custom_cell, name, value)
    custom_cell.main(["--steps", "1", "--out", str(tmp_path / "own.keras")])
    shown = capsys.readouterr().out
    for row in ("plain", "multi-scale", "all black"):
        assert f"\n{row} " in shown
    assert (tmp_path / "own.keras").exists()
