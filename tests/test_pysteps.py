import numpy as np
import pytest

import msrnn_keras
from msrnn_keras import Lagrangian
from msrnn_keras.data import RainRate
from tests.models.test_lagrangian import SIZES, stack, trained
from tests.reference import short
from tests.utils.test_motion import blobs

pysteps = pytest.importorskip("pysteps")
pytestmark = pytest.mark.backend_free
forecast = msrnn_keras.pysteps.forecast

RAIN = np.maximum(20 * blobs(6)[..., 0] - 4, 0)
RAIN[RAIN < 0.12] = 0  # above 7 dBZ
FIELD = np.ones((2, 48, 48)) * np.reshape((2, 1), (2, 1, 1))


def still():
    return Lagrangian(stack(), fill=None)


def test_it_is_what_pysteps_extrapolates_if_nothing_grows():
    given = forecast(RAIN, FIELD, 3, still())
    extrapolate = pysteps.nowcasts.get_method("extrapolation")
    expected = extrapolate(RAIN[-1], FIELD, 3)
    assert given.shape == (3, 48, 48)
    np.testing.assert_array_equal(np.isnan(given), np.isnan(expected))
    np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-5)
    chosen = forecast(RAIN, FIELD, [1, 3], still())
    np.testing.assert_array_equal(chosen, given[[0, 2]])
    own = forecast(RAIN, None, 3, still())
    inside = (slice(None), slice(14, -14), slice(14, -14))
    assert np.abs(own - given)[inside].mean() < 0.1 * given[inside].mean()


def test_every_unit_gives_the_same_rain():
    rain = forecast(RAIN, FIELD, 2, trained(fill=None))
    wet = rain > 0.2
    assert wet.sum() > 100
    with np.errstate(divide="ignore"):
        decibels = np.maximum(10 * np.log10(RAIN), -15)
        reflectivity = np.maximum(10 * np.log10(200 * RAIN**1.6), -32)
    options = {"model": trained(fill=None), "unit": "dBR"}
    given = forecast(decibels, FIELD, 2, **options)
    np.testing.assert_allclose(10 ** (given[wet] / 10), rain[wet], rtol=1e-3)
    dry = forecast(decibels, FIELD, 2, still(), unit="dBR")
    assert np.nanmin(dry) == decibels.min() == -15
    options["unit"] = "dBZ"
    given = forecast(reflectivity, FIELD, 2, **options)
    given = (10 ** (given[wet] / 10) / 200) ** (1 / 1.6)
    np.testing.assert_allclose(given, rain[wet], rtol=1e-3)


def test_matched_faint_and_other_models():
    mean = forecast(RAIN, FIELD, 2, trained(fill=None))
    matched = forecast(RAIN, FIELD, 2, trained(fill=None), matched=True)
    flow = forecast(RAIN, FIELD, 2, still())
    known = np.isfinite(flow[1])
    np.testing.assert_allclose(
        np.sort(matched[1][known]), np.sort(flow[1][known]), rtol=1e-4
    )
    assert np.nanmax(np.abs(matched - mean)) > 0.1
    faint = np.where(RAIN == 0, 0.09, RAIN)  # below 7 dBZ
    given = forecast(faint, FIELD, 2, trained(fill=None))
    np.testing.assert_array_equal(given, np.where(mean < 0.09, 0.09, mean))
    model = short(filters=1, scales=(1,), missing="mask", **SIZES)
    past = RainRate(200, 1.6, 0, 60)(RAIN)[None, ..., None]
    expected = RainRate(200, 1.6, 0, 60).inverse(model.forecast(past, 2))
    given = forecast(RAIN, FIELD, 2, model)
    np.testing.assert_allclose(given, expected[0, ..., 0], rtol=1e-4)
    given = forecast(RAIN, FIELD, 2, model, matched=True)
    np.testing.assert_allclose(
        np.sort(given[1].ravel()), np.sort(RAIN[-1].ravel()), rtol=1e-4
    )


def test_pysteps_finds_blends_and_verifies_it(tmp_path, monkeypatch):
    methods = pysteps.nowcasts.interface._nowcast_methods
    monkeypatch.setattr(
        pysteps.nowcasts.interface, "_nowcast_methods", dict(methods)
    )
    trained().save_to_preset(tmp_path / "preset")
    msrnn_keras.pysteps.register(model=str(tmp_path / "preset"))
    nowcast = pysteps.nowcasts.get_method("msrnn")
    given, seconds = nowcast(RAIN, FIELD, 3, measure_time=True)
    assert seconds > 0 and np.isnan(given[2, 0]).all()  # inflow
    expected = forecast(RAIN, FIELD, 3, trained(fill=None))
    np.testing.assert_allclose(given, expected, rtol=1e-5)
    score = pysteps.verification.get_method("CSI")
    assert 0.5 < score(given[0], expected[0], thr=0.5)["CSI"] <= 1
    blended = pysteps.blending.get_method("linear_blending")(
        precip=RAIN,
        precip_metadata={"unit": "mm/h", "transform": None},
        velocity=FIELD,
        timesteps=4,
        timestep=5,
        nowcast_method="msrnn",
        precip_nwp=np.full((4, 48, 48), 3.0),
        precip_nwp_metadata={"unit": "mm/h", "transform": None},
        start_blending=5,
        end_blending=15,
    )
    known = np.isfinite(given[0])
    np.testing.assert_allclose(blended[0][known], given[0][known], rtol=1e-5)
    np.testing.assert_allclose(blended[3], 3.0)


def test_errors():
    model = still()
    for timesteps in (0, [0, 1], [2, 1], [1, 1], [0.5, 1], []):
        with pytest.raises(ValueError, match="Received: timesteps="):
            forecast(RAIN, FIELD, timesteps, model)
    with pytest.raises(ValueError, match="Received: unit='mm'"):
        forecast(RAIN, FIELD, 1, model, unit="mm")
    with pytest.raises(ValueError, match="unit='dBR'.*Received: -15.0"):
        forecast(np.where(RAIN > 0, RAIN, -15), FIELD, 1, model)
    for precip in (RAIN[0], np.full_like(RAIN, np.nan)):
        with pytest.raises(ValueError, match="`precip` must.*Received"):
            forecast(precip, FIELD, 1, model)
    with pytest.raises(ValueError, match="`velocity` must.*Received"):
        forecast(RAIN, FIELD[0], 1, model)
    with pytest.raises(ValueError, match="at least 4 frames"):
        forecast(RAIN[:3], FIELD, 1, model)
