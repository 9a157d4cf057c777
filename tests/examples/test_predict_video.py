import numpy as np
import pytest
from PIL import Image

import zoo
from examples import predict_video
from msrnn_keras import data
from tests.reference import tiny

pytestmark = pytest.mark.backend_free


@pytest.fixture(autouse=True)
def model(monkeypatch):
    model = tiny(image_shape=(64, 64, 1), scales=(1,), patch_size=8)
    monkeypatch.setattr(zoo, "load", lambda *names, **options: model)
    return model


def test_its_own_video_is_read_as_it_was_drawn(tmp_path):
    predict_video.make_video(tmp_path / "digits.gif", frames=7, seed=3)
    frames, fps = predict_video.read_video(tmp_path / "digits.gif")
    digits = data.sample_digits("test")
    (drawn,) = data.moving_digits(digits, 1, 7, (64, 64), seed=3)
    np.testing.assert_array_equal(frames, drawn / np.float32(255))
    assert fps == 5


def test_without_a_video_it_compares(tmp_path, capsys, model):
    out = tmp_path / "ahead.gif"
    predict_video.main(["--out", str(out), "--horizon", "2"])
    frames, _ = predict_video.read_video(tmp_path / "digits.gif")
    forecast = model.forecast(frames[None, :10], horizon=2)[0]
    errors = [
        np.square(np.clip(x, 0, 1) - frames[10:]).sum() / 2
        for x in (forecast, frames[9:10])
    ]
    expected = "Error {:.1f}, of the last frame repeated {:.1f}".format(*errors)
    assert expected in capsys.readouterr().out
    with Image.open(out) as animation, Image.open(tmp_path / "ahead.png"):
        assert animation.n_frames == 12
        assert animation.width == 3 * (4 * 64 + 6)  # truth, forecast, error


def test_a_folder_of_images_is_forecast(tmp_path):
    for number in range(4):
        frame = np.full((20, 30, 3), 60 * number, "uint8")
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    out = tmp_path / "ahead.gif"
    predict_video.main([str(tmp_path), "--out", str(out), "--horizon", "3"])
    with Image.open(out) as animation:
        assert animation.n_frames == 7
        assert animation.width == 4 * 64 + 6  # no truth to stand beside


def test_an_mp4_becomes_an_mp4(tmp_path):
    predict_video.make_video(tmp_path / "digits.mp4", frames=6)
    out = tmp_path / "ahead.mp4"
    arguments = ["--out", str(out), "--horizon", "2", "--compare"]
    predict_video.main([str(tmp_path / "digits.mp4"), *arguments])
    assert len(data.from_video(out)) == 6


def test_a_short_video_has_nothing_to_hold_back(tmp_path):
    predict_video.make_video(tmp_path / "digits.gif", frames=3)
    arguments = [str(tmp_path / "digits.gif"), "--compare", "--horizon", "3"]
    with pytest.raises(ValueError, match="more than the 3.*Received: 3 frames"):
        predict_video.main([*arguments, "--out", str(tmp_path / "ahead.gif")])
