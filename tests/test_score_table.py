import pytest

from msrnn_keras.evaluation import score_table

pytestmark = pytest.mark.backend_free


def test_score_table():
    scores = {"mse": 123.456, "mae": 7.0, "ssim": 0.98765, "psnr": 21.5}
    rows = {
        "ms-convlstm": {"forecast": scores, "ms-rnn": {"mse": 1.0}},
        "none": {"forecast": {"mse": None, "mae": 1000.0}},
    }
    assert score_table(rows).splitlines() == [
        "Protocol forecast: the forecast frames only",
        "Model           MSE      MAE    SSIM   PSNR",
        "ms-convlstm  123.46     7.00  0.9877  21.50",
        "none              –  1000.00       –      –",
    ]
    other = score_table(rows, protocol="ms-rnn").splitlines()
    assert other[0].startswith("Protocol all frames: all predictions")
    assert other[2].split() == ["ms-convlstm", "1.00", "–", "–", "–"]
    assert other[3].split() == ["none", "–", "–", "–", "–"]
    scores = {"mse": 1.0, "csi_0.5": 0.51239, "balanced_mae": 3.14159}
    columns = ["balanced_mae", "csi_0.5", "fss_0.5_10"]
    table = score_table({"a": {"forecast": scores}}, columns=columns)
    assert table.splitlines()[1:] == [
        "Model  BALANCED MAE  CSI 0.5  FSS 0.5 10",
        "a              3.14   0.5124           –",
    ]
    with pytest.raises(ValueError, match="Received: protocol='other'"):
        score_table(rows, protocol="other")
    with pytest.raises(ValueError, match="list.*Received: columns='mse'"):
        score_table(rows, columns="mse")
