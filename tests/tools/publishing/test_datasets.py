"""What cards say of the data sets, and of what others published."""

import re

import pytest

from msrnn_keras import data
from msrnn_keras.training.recipe import DATASETS as TRAINED_ON
from tools.publishing.datasets import DATASETS, LICENSES
from tools.publishing.figures import published_figures

pytestmark = pytest.mark.backend_free


def test_every_data_set_of_a_recipe_has_its_texts():
    assert set(DATASETS) == set(TRAINED_ON) == set(LICENSES)
    for text in DATASETS.values():
        assert all(text[:5])
        assert not re.search(r"[{}]|\.$", text.training + text.licence)
    limits = [text.limits for text in DATASETS.values()]
    assert len(set(limits)) == len(limits)


@pytest.mark.parametrize("name", ["taxibj", "germany"])
def test_what_needs_a_path_is_not_found_without(name, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert DATASETS[name].needs_path
    with pytest.raises(FileNotFoundError, match="Received: "):
        data.load(name, "test")


def test_published_figures_keep_the_protocols_apart():
    forecast, ms_rnn = published_figures("mnist").split("\n| protocol")[1:]
    assert "| ConvLSTM | 29.80 | 90.64 |" in forecast
    assert "| MS-ConvLSTM | 58.31 |" in ms_rnn
    assert "29.80" not in ms_rnn and "58.31" not in forecast
    assert "SSIM" not in forecast
    assert published_figures("kth") == ""
