import sys

import pytest

from msrnn_keras.app import server

pytestmark = pytest.mark.backend_free


def test_presets_are_patterns_or_folders(tmp_path):
    listed = ["ms-convlstm/mnist/tiny", "ms-convlstm/mnist/worse"]
    assert server.preset_names(["*"]) == listed
    assert server.preset_names(["*/tiny", "*"]) == listed
    assert server.preset_names([str(tmp_path)]) == [str(tmp_path)]


def test_a_missing_extra_says_what_to_install(refuse, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    refuse('gradio is needed: pip install "msrnn-keras[app]"', "app")


def test_refused_arguments(refuse):
    refuse("Received: 'none'", "app", "--presets", "none")
    refuse("Received: 99999", "app", "--port", "99999")
