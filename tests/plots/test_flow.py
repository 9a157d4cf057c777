import numpy as np
import pytest

from msrnn_keras.plots import plot_flow
from tests.plots.pictures import clip, drawn

pytestmark = pytest.mark.backend_free


def uniform(u, v, height=8, width=8):
    return np.broadcast_to([float(u), float(v)], (height, width, 2)).copy()


def quiver(axes):
    from matplotlib.quiver import Quiver

    (arrows,) = (c for c in axes.collections if isinstance(c, Quiver))
    return arrows


def test_arrows_hold_the_flow_and_lie_on_its_pixels():
    rng = np.random.default_rng(0)
    flow = rng.standard_normal((4, 6, 2))
    figure = plot_flow(flow, clip(1, 8, 12)[0], arrows=6, magnify=3)
    (axes,) = figure.axes
    arrows = quiver(axes)
    np.testing.assert_allclose(arrows.U, flow[..., 0].ravel())
    np.testing.assert_allclose(arrows.V, flow[..., 1].ravel())
    assert arrows.scale == pytest.approx(1 / 3)
    # The middles of blocks of two by two pixels.
    np.testing.assert_allclose(np.unique(arrows.X), 0.5 + 2 * np.arange(6))
    np.testing.assert_allclose(np.unique(arrows.Y), 0.5 + 2 * np.arange(4))
    figure = plot_flow(uniform(2, 0, 40, 20), arrows=8)
    figure.canvas.draw()
    arrows = quiver(figure.axes[0])
    assert len(np.unique(arrows.Y)) == 8 and len(np.unique(arrows.X)) == 4
    (key,) = figure.axes[0].artists
    assert key.text.get_text() == "2 pixels per frame" and key.U == 2


@pytest.mark.parametrize(
    ("u", "v", "axis", "sign"), [(1, 0, 1, 1), (0, -1, 0, -1)]
)
def test_arrows_point_where_the_content_goes(u, v, axis, sign):
    flow = np.full((9, 9, 2), np.nan)
    flow[4, 4] = 3 * u, 3 * v
    figure = plot_flow(flow, np.zeros((9, 9, 1)), arrows=9, magnify=1)
    box = figure.axes[0].get_window_extent()
    middle = (figure.bbox.height - (box.y0 + box.y1) / 2, (box.x0 + box.x1) / 2)
    image = drawn(figure).astype(int)
    places = np.nonzero(np.ptp(image, axis=-1) > 60)  # those not gray
    inside = places[0] < figure.bbox.height - box.y0  # without the key
    reach = places[axis][inside] - middle[axis]
    pixel = box.width / 9
    assert (sign * reach).max() == pytest.approx(3 * pixel, abs=0.2 * pixel)
    assert (sign * reach).min() > -0.3 * pixel


def test_links_have_a_panel_each():
    flow = np.stack([uniform(i, 0) for i in range(7)])
    figure = plot_flow(flow, clip(1, 8, 8)[0], title="Motion")
    assert [ax.get_title() for ax in figure.axes] == [
        f"link {i}" for i in range(7)
    ]
    speeds = [quiver(ax).U.max() for ax in figure.axes]
    assert speeds == list(range(7))


@pytest.mark.parametrize("colors", ["gray", "rain"])
def test_no_motion_and_missing_pixels_can_be_drawn(colors):
    frame = clip(1, 8, 8)[0]
    frame[2:5] = np.nan
    for flow in (uniform(0, 0), uniform(np.nan, 1), uniform(1, 1)):
        figure = plot_flow(flow, frame, colors=colors)
        drawn(figure)
        assert "no data" in [text.get_text() for text in figure.texts]
