"""The backend of a command, chosen before Keras is imported."""

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
    for call in (choice.check_installed, choice.import_keras):
        with pytest.raises(ImportError, match="pip install.*Received: no back"):
            call()


def test_a_backend_that_is_not_installed_is_refused(without_keras):
    without_keras.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(ImportError, match="or set KERAS_BACKEND to torch"):
        choice.import_keras()


@pytest.mark.parametrize("config", ['{"backend": "jax"}', "[]", "damaged"])
def test_the_only_backend_is_chosen(without_keras, tmp_path, config):
    (tmp_path / "keras.json").write_text(config)
    without_keras.setattr(choice, "_silent_stderr", pytest.fail)
    with pytest.raises(pytest.fail.Exception):  # where Keras is imported
        choice.import_keras()
    assert os.environ["KERAS_BACKEND"] == "torch"


def test_what_a_failed_import_writes_is_shown(capfd):
    with choice._silent_stderr():
        os.write(2, b"banner")
    with pytest.raises(ImportError), choice._silent_stderr():
        os.write(2, b"reason")
        raise ImportError
    assert capfd.readouterr().err == "reason"
