import numpy as np
import pytest
from PIL import Image

from msrnn_keras import MSStack
from msrnn_keras.baselines import Persistence
from msrnn_keras.cli.demo import run_demo
from msrnn_keras.data import MovingMNIST, sample_digits
from msrnn_keras.evaluation import evaluate
from tests.runs import contents

CLIPS = 3


@pytest.fixture(scope="module")
def model():
    sizes = {"filters": 2, "scales": (1,), "patch_size": 4}
    return MSStack("convlstm", (32, 32, 1), 3, 2, name="tiny", **sizes)


@pytest.fixture(scope="module")
def data():
    sizes = {"context": 3, "horizon": 2, "image_shape": (32, 32)}
    digits = sample_digits("test")
    return MovingMNIST("test", num_clips=CLIPS, digits=digits, **sizes)


@pytest.mark.backend_free
def test_the_scores_and_the_files(model, data, tmp_path):
    demo, folder = run_demo(model, tmp_path, clips=CLIPS, shown=2), tmp_path
    assert list(demo.scores) == ["tiny", "persistence"]
    for scored in (model, Persistence(3, 2)):
        assert demo.scores[scored.name] == evaluate(scored, data)
    assert demo.scores["tiny"]["clips"] == CLIPS
    mse = {name: demo.scores[name]["forecast"]["mse"] for name in demo.scores}
    assert mse["tiny"] != mse["persistence"]
    assert demo.picture == folder / "forecast.png"
    assert demo.animation == folder / "forecast.gif"
    assert set(contents(folder)) == {"forecast.png", "forecast.gif"}
    with Image.open(demo.picture) as image:
        assert image.format == "PNG"
    with Image.open(demo.animation) as image:
        assert image.format == "GIF" and image.n_frames == 3 + 2


@pytest.mark.backend_free
def test_the_clip_asked_for_is_drawn(model, data, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(
        "msrnn_keras.cli.demo._draw", lambda *arguments: drawn.append(arguments)
    )
    run_demo(model, tmp_path, clips=CLIPS, shown=1)
    past, future = (part[1] for part in data.arrays())
    picture, animation, *clips, forecast = drawn[0]
    assert (picture.parent, animation.parent) == (tmp_path, tmp_path)
    np.testing.assert_array_equal(clips[0], past)
    np.testing.assert_array_equal(clips[1], future)
    expected = model.predict(past[None], verbose=0)[0].clip(0, 1)
    np.testing.assert_allclose(forecast, expected, atol=1e-6)


def test_demo_prints_scores_and_draws(run, tmp_path):
    out = run("demo", "--out", tmp_path, "--clips", 2, "--shown", 1)
    assert out.startswith("2 clips of digits that the model never saw.")
    assert "\nms-convlstm " in out and "\npersistence " in out
    for name in ("forecast.gif", "forecast.png"):
        assert str(tmp_path / name) in out


@pytest.mark.backend_free
def test_a_missing_folder_or_clip_is_refused(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*nowhere"):
        run_demo(model, tmp_path / "nowhere")
    for clips, shown in ((3, 3), (3, -1), (0, 0)):
        with pytest.raises(
            ValueError, match=f"{clips}.*Received: shown={shown}"
        ):
            run_demo(model, tmp_path, clips=clips, shown=shown)
    assert contents(tmp_path) == {}
