"""The JSON file of `benchmarks.long_streams`; nothing is measured."""

import pytest

from benchmarks import long_streams
from tools.publishing.tables import read_long_streams

pytestmark = pytest.mark.backend_free


@pytest.fixture
def measured(monkeypatch):
    """Replace the measurement by fixed results with the command of the call."""
    results = {
        "window": None,
        "finite_horizon_500": True,
        "finite_stream_1000": True,
        "finite_float16_100": False,
        "mse_50_150": 40.0,
        "mse_900_1000": 50.0,
    }

    def measure(preset, options):
        command = long_streams.command(preset, options)
        return {**results, "command": command}, 1.5

    monkeypatch.setattr(long_streams, "measure", measure)
    return results


def test_presets_that_are_not_measured_keep_their_results(
    measured, tmp_path, capsys
):
    path = tmp_path / "results.json"
    assert read_long_streams(path) == {}
    for name, clips in (("predrnn", 2), ("ms-predrnn", 3), ("predrnn", 4)):
        options = ["--clips", str(clips), "--json", str(path)]
        long_streams.main([f"{name}/mnist/small", *options])
    assert capsys.readouterr().out.count("| 40.0 | 50.0 | 1.25 | +1.5 | no |")
    command = "python -m benchmarks.long_streams {}/mnist/small --clips {}"
    assert read_long_streams(path) == {
        f"{name}/mnist/small/1": {
            **measured,
            "command": command.format(name, clips) + " --window auto",
        }
        for name, clips in (("predrnn", 4), ("ms-predrnn", 3))
    }
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_refused_with_other_lengths(measured, tmp_path, capsys):
    path = tmp_path / "results.json"
    arguments = ["predrnn/mnist/small", "--json", str(path), "--frames", "9"]
    with pytest.raises(SystemExit):
        long_streams.main(arguments)
    assert "--json needs the default frames" in capsys.readouterr().err
    assert not path.exists()
