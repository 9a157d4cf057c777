import functools
import os
import pathlib
import re

import numpy as np
import pytest

from msrnn_keras.app.comparison import Models
from msrnn_keras.app.limits import Limits
from msrnn_keras.app.page import ALONE, Page, ink_of, sentence

pytestmark = pytest.mark.backend_free


@pytest.fixture
def forecast(tmp_path, digits, rain):
    """Calls the page without its server."""
    models = Models(["one", "two", "rain"])
    models._loaded.update(one=digits, two=digits, rain=rain)
    folder = tmp_path / "out"
    folder.mkdir()
    page = Page(models, Limits(frames=8), None, folder)

    def forecast(source, first, second, horizon, *given):
        make = getattr(page, f"_{source}")
        return page._forecast(make, first, second, horizon, *given)

    return forecast


def names_of(paths):
    return [path.rsplit("/", 1)[1] for path in paths]


def test_two_presets_beside_each_other(forecast):
    summary, viewer, scores, files = forecast("sample", "one", "two", 4, 0)
    assert re.search(r"<h2>(one|two), the best of 2 models: \d", summary)
    assert "never saw" in summary
    assert viewer.count("data:image/png") == 6
    assert "t−2|t−1|t0|t+1|t+2|t+3|t+4" in viewer
    assert scores.count("<tr>") == 4 and "<img" in scores
    expected = "one.npz one.nc two.npz two.nc forecast.gif"
    assert names_of(files) == expected.split()
    with np.load(files[0]) as file:
        assert file["frames"].shape == (1, 4, 32, 32, 1)


def test_files_are_removed_after_an_hour(forecast):
    old, new = (
        pathlib.Path(forecast("sample", "one", ALONE, 2, 0)[3][0]).parent
        for _ in range(2)
    )
    assert old.exists() and new.exists()
    os.utime(old, (0, 0))
    forecast("sample", "one", ALONE, 2, 0)
    assert new.exists() and not old.exists()


def test_rain_is_synthetic_and_in_minutes(forecast):
    summary, viewer, _, _ = forecast("sample", "rain", ALONE, 3, 1)
    assert "Synthetic rain" in summary
    assert "−5 min|0 min|+5 min|+10 min|+15 min" in viewer
    assert "mm/h" in viewer


def test_an_upload_and_what_is_known_of_it(forecast, tmp_path, frames):
    path = tmp_path / "<b>.npy"
    np.save(path, frames)
    upload = functools.partial(forecast, "upload", "one", ALONE)
    summary, viewer, scores, _ = upload(6, path, 1, None, None)
    assert "&lt;b&gt;.npy from frame 1 on; 3 of 6 true frames" in summary
    assert viewer.count("data:image/png") == 3 and "no data" in viewer
    summary, viewer, scores, files = upload(2, path, 4, None, None)
    assert "truth is unknown" in summary and scores == ""
    assert viewer.count("data:image/png") == 1 and len(files) == 3


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("at most 8. Received: horizon=9", ("sample", "one", ALONE, 9, 0)),
        ("`seed`.*Received: seed=-1", ("sample", "one", ALONE, 2, -1)),
        ("Received: 'x'", ("sample", "x", ALONE, 2, 0)),
        ("Received: convlstm and", ("sample", "one", "rain", 2, 0)),
        ("no file", ("upload", "one", ALONE, 2, None, 0, None, None)),
        ("empty drawings", ("drawing", "one", ALONE, 2, 0, None, None)),
    ],
)
def test_what_cannot_be_forecast(forecast, message, arguments):
    with pytest.raises(ValueError, match=message):
        forecast(*arguments)


def test_garbage_that_only_a_reader_detects(forecast, tmp_path):
    given = {
        "texts.npz": {"frames": np.array(["a", "b"])},
        "two.npz": {"a": np.zeros(3), "b": np.zeros(3)},
        "flat.npz": {"frames": np.zeros(3)},
        "objects.npz": {"frames": np.array([None, {}])},
        "infinite.npz": {"frames": np.full((5, 32, 32), np.inf)},
        "large.npz": {"frames": np.zeros((5, 300, 2), "uint8")},
    }
    for name, arrays in given.items():
        path = tmp_path / name
        np.savez(path, **arrays)
        with pytest.raises((ValueError, TypeError)) as caught:
            forecast("upload", "one", ALONE, 2, path, 0, None, None)
        text = sentence(caught.value, path)
        assert "Received: " in text and str(tmp_path) not in text


def test_every_error_is_a_sentence():
    assert sentence(KeyError()) == "This cannot be forecast. Received: KeyError"
    text = "Too\n large. Received: x"
    assert sentence(ValueError(text)) == "Too large. Received: x"
    error = OSError("no such file '/secret/a.gif'. Received: 1")
    expected = "no such file 'a.gif'. Received: 1"
    assert sentence(error, "/secret/a.gif") == expected


def test_the_ink_of_a_sketchpad():
    layer = np.zeros((4, 4, 4), "uint8")
    layer[1, 2, 3] = 255
    ink = ink_of({"layers": [layer], "background": None, "composite": None})
    assert ink[1, 2] == 1 and ink.sum() == 1
    assert ink_of(None) is None and ink_of({"layers": []}) is None
