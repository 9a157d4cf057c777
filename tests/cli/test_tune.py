import tomllib

import pytest

import msrnn_keras
from msrnn_keras import data, tuning
from msrnn_keras.cli import tune
from tests.recordings import rain

pytestmark = pytest.mark.backend_free

TINY = [
    *("--method", "random", "--trials", 1, "--epochs", 1, "--clips", 4),
    *("--validation-clips", 2, "--batch", 2, "--context", 2, "--horizon", 1),
    *("--size", "28x28", "--cells", "convlstm", "--filters", 1, 2),
    *("--kernel-sizes", 1, "--scales", "1", "--skips", "none"),
    *("--patch-sizes", 14, "--sampling", "linear", "--sampling-steps", 4),
    *("--learning-rate", 1e-3, 1e-2, "--clipnorm", 1, "--seed", 5),
]


@pytest.fixture
def command(mnist, tmp_path):
    return ["tune", "mnist", "--data", mnist, "--out", tmp_path / "run", *TINY]


def test_tune_searches_and_resumes(run, refuse, command, tmp_path):
    folder = tmp_path / "run"
    refuse("nearest", "tune", "moon", "--out", folder)
    refuse("method='grid'", *command, "--method", "grid")
    refuse("Received: 1;2;1", *command, "--scales", "1;2;1")
    refuse("64", *command, "--size", "64")
    assert not folder.exists()
    out = run(*command, "--max-minutes", 1e-9)
    assert "Run the same command again" in out and "running" in out
    out = run(*command)
    results = tuning.read_results(folder)
    assert tuning.results_table(results) in out
    assert "Run the same" not in out and out.count("Trial ") == 1
    assert [r["status"] for r in results] == ["COMPLETED"]
    assert f"Best hyperparameters: {folder.resolve() / 'best.toml'}" in out
    best = tomllib.loads((folder / "best.toml").read_text())
    assert best["architecture"]["scales"] == [1]
    assert best["architecture"]["image_shape"] == [28, 28, 1]
    assert best["training"]["clipnorm"] == 1
    assert best["search"]["dataset"] == "mnist"
    assert "Trial " not in run(*command)
    refuse("differs in clips", *command, "--clips", 6)
    refuse("differs in filters", *command, "--filters", 3)


def test_tune_searches_models_without_states(run, refuse, mnist, tmp_path):
    folder = tmp_path / "run"
    command = ["tune", "mnist", "--data", mnist, "--out", folder, *TINY[:16]]
    command += [
        "--models",
        "tau",
        "--filters",
        4,
        "--learning-rate",
        1e-3,
        2e-3,
    ]
    refuse("--cells does not go with", *command, "--cells", "convlstm")
    wide = ["--translator-filters", 8, 16]
    refuse("does not go without", *command[:-7], *wide)
    assert "Best hyperparameters" in run(*command, *wide)
    best = tomllib.loads((folder / "best.toml").read_text())
    assert best["model"] == "tau" and "sampling" not in best["training"]
    assert best["architecture"]["translator_filters"] in (8, 16)
    model = msrnn_keras.create(best["model"], **best["architecture"])
    assert model.context == 2


def test_space_has_the_sizes_of_the_data(run, command, monkeypatch):
    seen = {}

    def stop(space, train, validation, folder, **options):
        seen.update(space=space, train=train, validation=validation)
        raise ValueError("enough. Received: nothing")

    monkeypatch.setattr(tuning, "tune", stop)
    with pytest.raises(AssertionError, match="enough"):
        run(*command, "--precision", "mixed_bfloat16")
    train, validation = seen["train"], seen["validation"]
    assert (train.split, validation.split) == ("train", "validation")
    assert (train.num_clips, validation.num_clips) == (4, 2)
    assert (train.teacher_forcing, validation.teacher_forcing) == (True, False)
    assert train.seed == 5
    config = seen["space"].get_config()
    assert config["fixed"] == {
        "image_shape": [28, 28, 1],
        "context": 2,
        "horizon": 1,
        "missing": None,
        "dtype": "mixed_bfloat16",
    }
    assert config["sampling"] == ["linear 4"]
    assert config["learning_rate"] == [1e-3, 1e-2]


def test_missing_pixels_of_radar_are_masked():
    clips = data.Clips(data.from_arrays(rain(), scaling=data.RainRate()), 2, 1)
    shape = clips.image_shape
    assert tune._frames(clips) == {"image_shape": shape, "missing": "mask"}


def test_all_is_checked_before_data_are_read(refuse, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda *args, **kwargs: pytest.fail())
    for option, value in (
        ("--cells", "x"),
        ("--skips", "x"),
        ("--sampling", "x"),
        ("--scales", "1,2"),
        ("--models", "x"),
        ("--method", "x"),
        ("--size", "8"),
        ("--precision", "x"),
        ("--out", "/proc/x"),
        ("--out", __file__),
    ):
        command = ["tune", "mnist", "--out", tmp_path / "run", option, value]
        refuse("Received: ", *command)
    refuse("data set", "tune", "x", "--out", tmp_path / "run")
    assert not list(tmp_path.iterdir())
