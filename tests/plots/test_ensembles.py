import numpy as np
import pytest

from msrnn_keras.plots import plot_exceedance, plot_stamps
from tests.plots.pictures import (
    bars,
    check_texts,
    clip,
    names,
    panels,
    shown,
    times,
)

pytestmark = pytest.mark.backend_free


def ensemble(members, time, channels=1):
    """Return an ensemble of one clip, partly outside [0, 1]."""
    members = [clip(time, channels=channels, seed=i) for i in range(members)]
    return 1.5 * np.stack(members) - 0.25


def test_probability_of_exceedance():
    members, future = ensemble(4, 3), clip(3, seed=9)
    members[2, 1, 0, 0] = future[0, 3, 4] = np.nan
    options = {"interval": 5, "unit": "min", "units": "mm/h", "title": "Rain"}
    figure = plot_exceedance(members, 0.5, future, **options)
    check_texts(figure)
    truth, forecast = panels(figure)
    assert names(figure) == ["Truth", "Forecast"]
    assert times(truth) == ["+5 min", "+10 min", "+15 min"]
    share = (members >= 0.5).mean(axis=0)[..., 0]
    share[1, 0, 0] = np.nan
    np.testing.assert_array_equal(shown(forecast), share)
    happened = np.where(np.isnan(future), np.nan, future >= 0.5)[..., 0]
    np.testing.assert_array_equal(shown(truth), happened)
    assert truth[0].images[0].get_clim() == (0, 1)
    (bar,) = bars(figure)
    assert bar.get_ylabel() == "P(≥ 0.5 mm/h)"
    assert bar.get_yticklabels()[-1].get_text() == "100 %"
    figure = plot_exceedance(ensemble(2, 13), 3, extent=(0, 8, 0, 6))
    check_texts(figure)
    (row,) = panels(figure)
    assert times(row)[-1] == "t+13" and bars(figure)[0].get_ylabel() == "P(≥ 3)"


def test_stamps_show_every_member_beside_truth_and_mean():
    members, future, past = ensemble(12, 4), clip(4, seed=98), clip(2, seed=99)
    options = {"interval": 5, "unit": "min", "title": "A $title"}
    figure = plot_stamps(members, future, past, frame=1, **options)
    check_texts(figure)
    above, first, second = panels(figure)
    assert times(above) == ["Input, 0 min", "Truth", "Mean"]
    assert names(figure) == ["At +10 min", "Members", ""]
    assert times(first) + times(second) == [str(i) for i in range(1, 13)]
    clipped = np.clip(members, 0, 1)[:, 1, ..., 0]
    np.testing.assert_allclose(shown(first), clipped[:10])
    np.testing.assert_allclose(shown(second), clipped[10:])
    expected = past[-1, ..., 0], future[1, ..., 0], clipped.mean(axis=0)
    np.testing.assert_allclose(shown(above), expected)
    rain = plot_stamps(50 * members, colors="rain", extent=(0, 8, 0, 6))
    check_texts(rain)
    above, *_ = panels(rain)
    assert times(above) == ["Mean"] and names(rain)[0] == "At t+4"
    mean = 50 * members[:, -1].mean(axis=0)[..., 0]
    np.testing.assert_allclose(shown(above)[0], mean)
    color = plot_stamps(ensemble(2, 1, channels=3))
    assert panels(color)[1][0].images[0].get_array().shape == (6, 8, 3)


def test_what_does_not_fit_is_refused():
    members = ensemble(3, 2)
    for draw in (plot_stamps, lambda x, y=None: plot_exceedance(x, 0.5, y)):
        with pytest.raises(ValueError, match="batch axis.*Received: shape"):
            draw(members[0])
        with pytest.raises(ValueError, match="same shape.*Received: shapes"):
            draw(members, clip(3))
    with pytest.raises(ValueError, match="1 channel.*Received: 3 channels"):
        plot_exceedance(ensemble(3, 2, channels=3), 0.5)
    with pytest.raises(ValueError, match="Received: threshold=nan"):
        plot_exceedance(members, np.nan)
    with pytest.raises(ValueError, match="one of 2 frames.*Received: frame=2"):
        plot_stamps(members, frame=2)
    with pytest.raises(ValueError, match="`past` and `members`.*Received"):
        plot_stamps(members, past=clip(2, height=4))
    for draw in (plot_stamps, lambda x, **y: plot_exceedance(x, 0.5, **y)):
        with pytest.raises(ValueError, match="Received: interval=0"):
            draw(members, interval=0)
        with pytest.raises(ValueError, match="Received: extent="):
            draw(members, extent=(1, 0, 0, 1))
