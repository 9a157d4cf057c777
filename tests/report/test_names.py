import math

import pytest

from msrnn_keras.report import names

pytestmark = pytest.mark.backend_free


def test_scores_are_named_written_and_judged():
    for key, label, text, good in (
        ("mse", "MSE", "1,234.57", -1),
        ("psnr", "PSNR", "1,234.57", 1),
        ("ssim", "SSIM", "1,234.5678", 1),
        ("mse_unclipped", "MSE, unclipped", "1,234.57", -1),
        ("balanced_mse", "Balanced MSE", "1,234.57", -1),
        ("lpips", "LPIPS", "1,234.5678", -1),
        ("csi_0.5", "CSI at 0.5", "1,234.5678", 1),
        ("far_-10", "FAR at -10", "1,234.5678", -1),
        ("pod_1e-05", "POD at 1e-05", "1,234.5678", 1),
        ("fss_2_9", "FSS at 2, window 9", "1,234.5678", 1),
        ("crps", "CRPS", "1,234.57", -1),
        ("brier_0.5", "Brier score at 0.5", "1,234.5678", -1),
        ("ensemble_rmse", "Ensemble RMSE", "1235", -1),
        ("spread_skill_ratio", "Spread–skill ratio", "1235", 0),
        ("area_2x", "Area 2x", "1235", 0),
    ):
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
    assert names.score_text("mse", math.inf) == "inf"
    assert names.score_text("area", 0) == "0"
