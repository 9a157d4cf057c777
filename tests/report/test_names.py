import math

import pytest

from msrnn_keras.report import names

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(
    ("key", "family", "parameters"),
    [
        ("mse", "mse", ()),
        ("mse_unclipped", "mse_unclipped", ()),
        ("balanced_mse", "balanced_mse", ()),
        ("csi_0.5", "csi", ("0.5",)),
        ("fss_2_9", "fss", ("2", "9")),
        ("pod_1e-05", "pod", ("1e-05",)),
        ("far_-10", "far", ("-10",)),
        ("area_2x", "area_2x", ()),
    ],
)
def test_keys_are_split(key, family, parameters):
    assert names.split_key(key) == (family, parameters)


@pytest.mark.parametrize(
    ("key", "label", "text", "good"),
    [
        ("mse", "MSE", "1,234.57", -1),
        ("mae", "MAE", "1,234.57", -1),
        ("psnr", "PSNR", "1,234.57", 1),
        ("ssim", "SSIM", "1,234.5678", 1),
        ("mse_unclipped", "MSE, unclipped", "1,234.57", -1),
        ("gdl", "GDL", "1,234.57", -1),
        ("balanced_mse", "Balanced MSE", "1,234.57", -1),
        ("lpips", "LPIPS", "1,234.5678", -1),
        ("csi_0.5", "CSI at 0.5", "1,234.5678", 1),
        ("pod_2", "POD at 2", "1,234.5678", 1),
        ("far_5", "FAR at 5", "1,234.5678", -1),
        ("hss_10", "HSS at 10", "1,234.5678", 1),
        ("fss_2_9", "FSS at 2, window 9", "1,234.5678", 1),
        ("some_thing", "Some thing", "1235", 0),
    ],
)
def test_scores_are_named_written_and_judged(key, label, text, good):
    assert names.score_label(key) == label
    assert names.score_text(key, 1234.56784) == text
    assert names.direction(key) == good


def test_what_is_best():
    assert names.best("mse", [3.0, None, 2.0, math.nan]) == 2.0
    assert names.best("ssim", [0.3, None, 0.2]) == 0.3
    assert names.best("psnr", [20.0, math.inf]) == math.inf
    assert names.best("ssim", [0.3, None]) is None  # nothing to compare
    assert names.best("some_thing", [1.0, 2.0]) is None
    assert names.score_text("mse", None) == "–"
    assert names.score_text("mse", math.nan) == "–"
