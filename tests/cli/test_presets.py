"""`msrnn list` and `msrnn info`, and how all commands name a preset."""

import json

import pytest

pytestmark = pytest.mark.backend_free


def test_list_needs_no_file_but_the_manifest(run, library, monkeypatch):
    parameters = library.load("ms-convlstm/mnist/tiny").count_params()
    monkeypatch.setattr("msrnn_keras.presets.registry.locate", pytest.fail)
    tiny = ["ms-convlstm/mnist/tiny", "2", f"{parameters:,}", "8.25"]
    worse = ["ms-convlstm/mnist/worse", "1", f"{parameters:,}", "99.00"]
    lines = [line.split() for line in run("list").splitlines()]
    assert lines[0][0] == "preset" and lines[1:] == [tiny, worse]
    assert run("list", "*/w*").splitlines()[1].split() == worse


def test_info_is_json(run, refuse, library):
    best = json.loads(run("info", "ms-convlstm/mnist"))
    assert best == library.info("ms-convlstm/mnist/tiny", revision=2)
    older = run("info", "ms-convlstm/mnist/tiny", "--revision", "1")
    assert json.loads(older)["revision"] == "1"
    refuse("Received: 'huge'", "info", "ms-convlstm/mnist/huge")
    refuse("Received: '7'", "info", "ms-convlstm/mnist", "--revision", "7")
