import keras
import numpy as np
import pytest

from examples import custom_cell
from tests import reference
from tests.reference import clips, numpy, randomize, sigmoid

SIZES = {"filters": 2, "patch_size": 8, "context": 2, "horizon": 2}


def test_the_cell_follows_its_equations():
    cell = custom_cell.MinimalCell(3)
    cell.build((None, None, None, 2))
    randomize(cell, 0.5)
    w_x, b_x = map(numpy, cell.x_to_gates.weights)
    w_h, b_h = map(numpy, cell.h_to_gates.weights)
    x, h = (clips(2, 1, (5, 4), channels, seed=channels) for channels in (2, 3))
    output, (new,) = cell(x[:, 0], [h[:, 0]])
    x = reference.conv(x[:, 0], w_x, b_x)
    recurrent = reference.conv(h[:, 0], w_h, b_h)
    forget = sigmoid(x[..., :3] + recurrent[..., :3])
    candidate = np.tanh(x[..., 3:] + forget * recurrent[..., 3:])
    expected = (1 - forget) * h[:, 0] + forget * candidate
    np.testing.assert_allclose(numpy(output), expected, atol=1e-5)
    np.testing.assert_array_equal(numpy(new), numpy(output))


@pytest.mark.backend_free
def test_from_training_to_the_file(tmp_path, capsys, monkeypatch):
    small = {"SIZES": SIZES, "BATCH": 2, "TEST_CLIPS": 2, "PLAIN": (1,)}
    for name, value in {**small, "MULTI_SCALE": (1, 2, 1)}.items():
        monkeypatch.setattr(custom_cell, name, value)
    custom_cell.main(["--steps", "1", "--out", str(tmp_path / "own.keras")])
    shown = capsys.readouterr().out
    for row in ("plain", "multi-scale", "all black"):
        assert f"\n{row} " in shown
    loaded = keras.saving.load_model(tmp_path / "own.keras")
    cells = loaded._stepper.cell.wiring.cells
    assert all(isinstance(cell, custom_cell.MinimalCell) for cell in cells)
