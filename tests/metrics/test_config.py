import keras
import pytest

from msrnn_keras import metrics
from tests.metrics.fields import Cubed
from tests.metrics.scores import CLASSES

pytestmark = pytest.mark.backend_free

RAIN = {"scaling": Cubed(7.0)}
WEIGHTS = {"thresholds": (1.0,), "weights": (2.0, 3.0), **RAIN}


@pytest.mark.parametrize(
    ("name", "make", "options"),
    [
        *((key, make, {}) for key, make in CLASSES.items()),
        ("gdl", metrics.GDL, {"alpha": 2.0}),
        ("balanced_mse", metrics.BalancedMSE, WEIGHTS),
        ("balanced_mae", metrics.BalancedMAE, WEIGHTS),
        ("pod_2.5", metrics.POD, {"threshold": 2.5, **RAIN}),
        ("hss_2.5", metrics.HSS, {"threshold": 2.5, **RAIN}),
        ("crps", metrics.CRPS, {}),
        ("brier_2.5", metrics.BrierScore, {"threshold": 2.5, **RAIN}),
        ("spread", metrics.Spread, RAIN),
        ("ensemble_rmse", metrics.EnsembleRMSE, RAIN),
        ("spread_skill_ratio", metrics.SpreadSkillRatio, RAIN),
        ("fss_2.5_7", metrics.FSS, {"threshold": 2.5, "window": 7, **RAIN}),
    ],
)
def test_config_holds_every_argument(name, make, options):
    assert make(**options).name == name
    common = {"num_frames": 3, "clip": False, "name": "a", "dtype": "float64"}
    options = {**options, **common}
    metric = make(**options)
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is make
    assert again.get_config() == metric.get_config()
    scaling = options.pop("scaling", None)
    assert scaling is None or again.scaling.factor == 7.0
    assert {key: getattr(again, key) for key in options} == options
