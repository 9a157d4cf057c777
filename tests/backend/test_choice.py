"""The backend, chosen before Keras is imported."""

import os
import sys

import pytest

from msrnn_keras.backend import choice

pytestmark = pytest.mark.backend_free


@pytest.fixture
def without_keras(monkeypatch, tmp_path):
    """Keras is not imported yet, and PyTorch is the only backend."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(choice, "installed_backends", lambda: ["torch"])
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    return monkeypatch


def test_no_backend_is_refused(without_keras):
    without_keras.setattr(choice, "installed_backends", list)
    with pytest.raises(ImportError, match="pip install.*Received: no back"):
        choice.choose_backend()


def test_a_backend_that_is_not_installed_is_refused(without_keras):
    without_keras.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(ImportError, match="or set KERAS_BACKEND to torch"):
        choice.choose_backend()


@pytest.mark.parametrize("config", ['{"backend": "jax"}', "[]", "damaged"])
def test_the_only_backend_is_chosen(without_keras, tmp_path, config):
    (tmp_path / "keras.json").write_text(config)
    choice.choose_backend()
    assert os.environ["KERAS_BACKEND"] == "torch"


def test_what_a_failed_import_writes_is_shown(capfd):
    with choice._silent_stderr():
        os.write(2, b"banner")
    with pytest.raises(ImportError), choice._silent_stderr():
        os.write(2, b"reason")
        raise ImportError
    assert capfd.readouterr().err == "reason"
