"""The JSON file of `benchmarks.long_streams`; nothing is measured."""

import pytest

from benchmarks import long_streams
from tools.publishing.tables import read_results

pytestmark = pytest.mark.backend_free


@pytest.fixture
def measured(monkeypatch):
    """Replace the measurement by fixed results with the command of the call."""
    results = {"window": None, "mse_50_150": 40.0, "mse_900_1000": 50.0}
    results |= {"finite_horizon_500": True, "finite_stream_1000": True}
    results |= {"finite_float16_100": False}

    def measure(preset, options):
        command = long_streams.command(preset, options)
        return {**results, "command": command}, 1.5

    monkeypatch.setattr(long_streams, "measure", measure)
    return results


def test_presets_that_are_not_measured_keep_their_results(
    measured, tmp_path, capsys
):
    path = tmp_path / "results.json"
    for name, clips in (("predrnn", 2), ("ms-predrnn", 3), ("predrnn", 4)):
        options = ["--clips", str(clips), "--json", str(path)]
        long_streams.main([f"{name}/mnist/small", *options])
    assert capsys.readouterr().out.count("| 40.0 | 50.0 | 1.25 | +1.5 | no |")
    command = "python -m benchmarks.long_streams {}/mnist/small --clips {}"
    assert read_results(path) == {
        f"{name}/mnist/small/1": {
            **measured,
            "command": command.format(name, clips) + " --window auto",
        }
        for name, clips in (("predrnn", 4), ("ms-predrnn", 3))
    }
    before = path.read_bytes()
    with pytest.raises(SystemExit):
        long_streams.main(["predrnn", "--json", str(path), "--frames", "9"])
    assert "--json needs the default frames" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before
