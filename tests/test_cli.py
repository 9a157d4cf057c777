import functools
import json
import re
import sys
import types

import keras
import numpy as np
import pytest

import msrnn_keras
import zoo
from msrnn_keras import MSStack, cli, convert, summary
from msrnn_keras.baselines import Persistence
from msrnn_keras.data import (
    MovingMNIST,
    RainRate,
    from_video,
    moving_mnist,
)
from msrnn_keras.evaluation import evaluate
from msrnn_keras.training import RunKeeper, read_history
from tests.recordings import (
    rain,
    squares,
    times_of,
    write_avi,
    write_netcdf,
    write_odim,
)
from tests.reference import tiny
from tests.runs import RECIPE, contents, write_mnist
from zoo import manifest
from zoo.library import Library
from zoo.preset import write_preset

METADATA = {
    "model": "ms-convlstm",
    "dataset": "mnist",
    "license": "Apache-2.0",
    "recipe": "ms-convlstm-mnist-tiny",
    "source": "random numbers",
    "hardware": "none",
    "training": "none",
    "input": {"scaling": "[0, 1]", "interval": None},
}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Presets `tiny`, revisions 1 and 2, and `worse`, of one small model."""
    folder = tmp_path_factory.mktemp("zoo")
    model = MSStack(
        "convlstm",
        image_shape=(32, 32, 1),
        context=2,
        horizon=2,
        filters=2,
        scales=(1,),
        patch_size=4,
        name="ms-convlstm",
    )
    for variant, revision, mse in (
        ("tiny", 1, 9.0),
        ("tiny", 2, 8.25),
        ("worse", 1, 99.0),
    ):
        scores = {"validation": {"forecast": {"mse": mse}}, "test": {}}
        write_preset(
            folder / "presets",
            model,
            {
                **METADATA,
                "variant": variant,
                "revision": revision,
                "scores": scores,
            },
            "# Card\n",
            compile={"loss": "mse", "learning_rate": 0.001},
        )
    manifest.main([], folder / "presets", folder / "manifest.json")
    library = Library(folder / "presets", folder / "manifest.json")
    return types.SimpleNamespace(
        root=library.root,
        manifest=library.manifest,
        names=library.names,
        info=library.info,
        load=functools.cache(library.load),  # so that it is compiled once
    )


@pytest.fixture(autouse=True)
def tiny_zoo(library, monkeypatch):
    for name in ("load", "names", "info"):
        monkeypatch.setattr(zoo, name, getattr(library, name))
    monkeypatch.setattr("zoo.library.MANIFEST", library.manifest)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    return write_mnist(tmp_path_factory.mktemp("mnist") / "mnist.npz")


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.replace("epochs = 3", "epochs = 2"))
    return str(path)


@pytest.fixture
def past(tmp_path):
    frames = np.random.default_rng(0).random((3, 32, 32)).astype("float32")
    np.save(tmp_path / "past.npy", frames)
    return str(tmp_path / "past.npy")


@pytest.fixture
def run(capsys):
    """Runs a command that should succeed; gives what it printed."""

    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        assert printed.err == ""
        return printed.out

    return run


@pytest.fixture
def refuse(capsys):
    """Runs a command that should be refused, in one line on stderr."""

    def refuse(message, *arguments):
        assert cli.main([str(argument) for argument in arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"msrnn {arguments[0]}: ")
        assert message in line

    return refuse


# === Help ===


def test_every_command_and_argument_has_a_help_text(capsys):
    (commands,) = cli._parser()._subparsers._group_actions
    names = set(commands.choices)
    assert names == {
        "convert",
        "demo",
        "evaluate",
        "info",
        "list",
        "predict",
        "profile",
        "summary",
        "train",
    }
    assert {choice.dest for choice in commands._choices_actions} == names
    assert all(choice.help for choice in commands._choices_actions)
    for name, parser in commands.choices.items():
        for action in parser._actions:
            assert action.help, f"msrnn {name} {action.dest}"
        with pytest.raises(SystemExit, match="0"):
            cli.main([name, "--help"])
        assert f"usage: msrnn {name}" in capsys.readouterr().out


def test_no_command_is_an_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main([])
    assert "usage: msrnn" in capsys.readouterr().err


# === list, info ===


def test_list_needs_no_file_but_the_manifest(run, library, monkeypatch):
    parameters = library.load("ms-convlstm", "mnist", "tiny").count_params()

    def fetch(*args, **kwargs):
        raise AssertionError("a file was asked for")

    monkeypatch.setattr("zoo.library.locate", fetch)
    assert run("list").splitlines() == [
        f"ms-convlstm/mnist/tiny  revision 2  {parameters:,} parameters  "
        "validation MSE 8.25",
        f"ms-convlstm/mnist/worse  revision 1  {parameters:,} parameters  "
        "validation MSE 99.00",
    ]


def test_info_is_json(run, library):
    best = json.loads(run("info", "ms-convlstm", "mnist"))
    assert best == library.info("ms-convlstm", "mnist", "tiny", 2)
    options = ("--variant", "tiny", "--revision", "1")
    older = json.loads(run("info", "ms-convlstm", "mnist", *options))
    assert older["revision"] == "1"


@pytest.mark.parametrize(
    "arguments, received",
    [
        (("ms-convlstm", "kth"), "Received: 'kth'"),
        (("lstm", "mnist"), "Received: 'lstm'"),
        (("ms-convlstm", "mnist", "--variant", "huge"), "Received: 'huge'"),
        (("ms-convlstm", "mnist", "--revision", "7"), "Received: '7'"),
    ],
)
def test_unknown_presets_are_refused(refuse, arguments, received):
    refuse(received, "info", *arguments)
    refuse(received, "evaluate", *arguments)


# === demo ===


def test_demo_prints_scores_and_draws(run, tmp_path):
    out = run("demo", "--out", tmp_path, "--clips", 2, "--shown", 1)
    assert out.startswith("2 clips of digits the model never saw.")
    assert "\nms-convlstm " in out and "\npersistence " in out
    assert set(contents(tmp_path)) == {"forecast.gif", "forecast.png"}
    for name in contents(tmp_path):
        assert str(tmp_path / name) in out


def test_demo_refuses_a_missing_folder(refuse, tmp_path):
    refuse("nowhere", "demo", "--out", tmp_path / "nowhere")
    refuse("Received: 9", "demo", "--out", tmp_path, "--clips", 2, "--shown", 9)


# === predict ===


def test_predict_forecasts_from_all_frames(run, library, past, tmp_path):
    out = tmp_path / "out.npz"
    assert "3 frames ahead" in run(
        "predict", past, "--out", out, "--horizon", 3
    )
    model = library.load("ms-convlstm", "mnist")
    frames = np.load(past)[None, ..., None]
    with np.load(out) as file:
        forecast = file["frames"]
    expected = np.clip(model.forecast(frames, horizon=3), 0, 1)
    np.testing.assert_array_equal(forecast, expected)


def test_predict_draws(run, past, tmp_path):
    for name in ("out.png", "out.gif"):
        assert "2 frames" in run("predict", past, "--out", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A model whose forecasts are neither black nor white."""
    path = tmp_path_factory.mktemp("model") / "Model.keras"
    model = tiny("convlstm", context=2, scales=(1,), kernel_size=1)
    *weights, bias = model.get_weights()
    model.set_weights([*weights, bias + 0.5])
    model.save(path)
    return path


def test_predict_goes_on_from_netcdf(run, model_file, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    given = write_netcdf(tmp_path / "in.nc", np.nan_to_num(rain()))
    command = ["predict", given, "--model", model_file, "--variable", "rain"]
    out = tmp_path / "out.nc"
    options = ["--horizon", 2, "--last", 3, "--out", out]
    assert "2 frames ahead" in run(*command, *options)
    model = keras.saving.load_model(model_file)
    pixels = RainRate()(np.nan_to_num(rain())[None, -3:, ..., None])
    expected = RainRate().inverse(model.forecast(pixels, horizon=2))
    assert 0.01 < expected.mean() < 100
    with xarray.open_dataset(given) as past, xarray.open_dataset(out) as ahead:
        np.testing.assert_allclose(
            ahead["rain"], expected[0, ..., 0], rtol=1e-3
        )
        np.testing.assert_array_equal(ahead["time"], times_of(6)[4:])
        for name in ("x", "y", "lon", "crs"):
            np.testing.assert_array_equal(ahead[name], past[name])
        assert ahead["rain"].attrs["grid_mapping"] == "crs"
        assert ahead["rain"].attrs["units"] == past["rain"].attrs["units"]


def test_predict_refuses_uneven_times(refuse, model_file, tmp_path):
    pytest.importorskip("netCDF4")
    times = times_of(5)[[0, 1, 2, 4]]
    given = write_netcdf(tmp_path / "in.nc", rain(), times=times)
    command = ["predict", given, "--model", model_file, "--fill", 0]
    refuse("frame 3, at", *command, "--out", tmp_path / "out.nc")


def test_predict_fills_what_is_missing(run, refuse, model_file, tmp_path):
    pytest.importorskip("netCDF4")
    given = write_netcdf(tmp_path / "in.nc", rain())
    out = tmp_path / "out.npz"
    command = ["predict", given, "--model", model_file, "--out", out]
    refuse("--fill", *command)
    assert not out.exists()
    run(*command, "--fill", 0)
    with np.load(out) as file:
        assert np.isfinite(file["frames"]).all()
        np.testing.assert_array_equal(file["times"], times_of(7)[4:])
    empty = write_netcdf(tmp_path / "empty.nc", rain() * np.nan)
    refuse("nothing but NaN in clip 0", "predict", empty, *command[2:])


def test_predict_reads_and_writes_videos(run, refuse, model_file, tmp_path):
    for extra in ("av", "imageio"):
        pytest.importorskip(extra)
    given = write_avi(tmp_path / "in.avi", squares())
    out = tmp_path / "out.mp4"
    command = ["predict", given, "--model", model_file, "--out", out]
    refuse("--grey", *command)
    options = ["--grey", "--size", "12x16", "--horizon", 2]
    run(*command, *options)
    assert len(from_video(out)) == 8 and from_video(out).interval == 0.04
    refuse("Received: 12", *command, "--grey", "--size", "12")
    given.write_bytes(given.read_bytes()[:-2000])
    refuse("may be cut off", *command, *options)
    (tmp_path / "empty").mkdir()
    refuse("Received: 0 in", "predict", tmp_path / "empty", *command[2:])


def test_predict_reads_radar_files(run, refuse, model_file, tmp_path):
    for extra in ("pysteps", "pyproj", "xarray", "netCDF4"):
        pytest.importorskip(extra)
    for minute in range(0, 20, 5):
        path = tmp_path / f"a2020-06-01_12{minute:02}.h5"
        write_odim(path, np.full((8, 9), 100 + minute, "uint8"), "DBZH")
    out = tmp_path / "out.nc"
    command = ["predict", tmp_path / "a*.h5", "--model", model_file]
    command += ["--out", out, "--importer", "odim_hdf5"]
    command += ["--pattern", "a%Y-%m-%d_%H%M.h5"]
    run(*command, "--option", "qty=DBZH")
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(out) as ahead:
        np.testing.assert_array_equal(ahead["time"], times_of(7)[4:])
        assert ahead["equivalent_reflectivity_factor"].attrs["units"] == "dBZ"
    refuse("RATE not found", *command)
    refuse("Received: qty", *command, "--option", "qty")
    refuse("Received: a=b", *command[:6], "--option", "a=b")


def test_predict_scales_values_by_their_range(run, refuse, past, tmp_path):
    values = 40 * np.load(past) - 20
    np.save(tmp_path / "in.npy", values)
    out = tmp_path / "out.npy"
    command = ["predict", tmp_path / "in.npy", "--out", out]
    refuse("`scaling` is needed", *command)
    run(*command, "--range", "-20", "20")
    forecast = np.load(out)
    run("predict", past, "--out", out)
    np.testing.assert_allclose(forecast, 40 * np.load(out) - 20, atol=1e-3)
    refuse("`high` must be above", *command, "--range", "20", "-20")


def test_predict_names_a_missing_extra(refuse, past, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    out = tmp_path / "out.nc"
    refuse("msrnn-keras[radar]", "predict", past, "--out", out)


def test_predict_refuses_what_it_cannot_do(refuse, past, tmp_path):
    out = tmp_path / "out.npz"
    refuse("no such file", "predict", tmp_path / "none.npy", "--out", out)
    refuse("must end in", "predict", past, "--out", tmp_path / "out.txt")
    nowhere = tmp_path / "nowhere" / "out.npz"
    refuse("folder", "predict", past, "--out", nowhere)
    refuse("horizon=0", "predict", past, "--out", out, "--horizon", 0)
    refuse("Received: 3 frames", "predict", past, "--out", out, "--last", 4)
    refuse("fps", "predict", past, "--out", out, "--fps", 4)
    refuse("`grey` is not for", "predict", past, "--out", out, "--grey")
    refuse("'lstm'", "predict", past, "--out", out, "--model", "lstm")
    model = tmp_path / "none.keras"
    refuse("none.keras", "predict", past, "--out", out, "--model", model)
    assert not out.exists()


@pytest.mark.parametrize(
    "frames, message",
    [
        (np.full((3, 32, 32), np.nan), "nothing but NaN in clip 0"),
        (np.zeros((3, 32, 32), "int64"), "Received: dtype=int64"),
        (np.zeros((3, 32, 32, 2)), "1 channel(s)"),
        (np.zeros((32, 32)), "Received: shape=(32, 32)"),
        (np.zeros((0, 32, 32)), "Received: shape=(0, 32, 32, 1)"),
    ],
)
def test_predict_refuses_other_frames(refuse, tmp_path, frames, message):
    np.save(tmp_path / "in.npy", frames)
    out = tmp_path / "out.npz"
    refuse(message, "predict", tmp_path / "in.npy", "--out", out)
    assert not out.exists()


def test_a_preset_for_a_newer_package_is_refused(
    refuse, past, tmp_path, library, monkeypatch
):
    monkeypatch.setattr(msrnn_keras, "__version__", "0.0.1")
    monkeypatch.setattr(
        zoo, "load", Library(library.root, library.manifest).load
    )
    out = tmp_path / "out.npz"
    refuse("Received: msrnn-keras 0.0.1", "predict", past, "--out", out)


# === evaluate ===


@pytest.fixture
def few_clips(monkeypatch):
    monkeypatch.setitem(moving_mnist.NUM_CLIPS, "test", 6)


def test_evaluate_scores_the_preset_and_the_baselines(
    run, library, mnist, tmp_path, few_clips, monkeypatch
):
    verified = []
    monkeypatch.setattr("msrnn_keras.data.verify_test_set", verified.append)
    out = run(
        *("evaluate", "ms-convlstm", "MNIST", "--data", mnist),
        *("--clips", 4, "--json", tmp_path / "scores.json"),
    )
    assert "test set, 4 clips" in out
    assert "Protocol forecast" in out and "Protocol ms-rnn" in out
    assert len(verified) == 1
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores) == ["ms-convlstm", "persistence", "all black"]
    data = MovingMNIST("test", 4, 16, 2, 2, (32, 32), path=mnist)
    model = library.load("ms-convlstm", "mnist")
    for scored in (model, Persistence(2, 2)):
        assert scores[scored.name] == evaluate(scored, data)


def test_evaluate_refuses_other_clips_than_the_test_set(
    refuse, tmp_path, few_clips, monkeypatch
):
    def no_network(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", no_network)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    arguments = ("evaluate", "ms-convlstm", "mnist")
    with pytest.warns(UserWarning, match="small sample"):
        refuse("from 500 digits", *arguments)
    refuse("none.npz", *arguments, "--data", tmp_path / "none.npz")


def test_evaluate_refuses_a_missing_folder_first(refuse, tmp_path):
    arguments = ("evaluate", "ms-convlstm", "mnist", "--data", "none.npz")
    refuse("Received: ", *arguments, "--json", tmp_path / "nowhere" / "a.json")


# === train ===


def test_train_stops_and_goes_on(
    run, recipe, mnist, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "run"
    command = ("train", recipe, "--out", str(folder), "--data", str(mnist))
    command = (*command, "--verbose", "0")
    with monkeypatch.context() as patch:

        class Stopped(RunKeeper):
            def on_train_batch_end(self, batch, logs=None):
                if self.rows:
                    raise KeyboardInterrupt

        patch.setattr("msrnn_keras.training.RunKeeper", Stopped)
        assert cli.main(list(command)) == 130
    assert capsys.readouterr().err == "msrnn train: stopped\n"
    assert len(read_history(folder)) == 1
    out = run(*command)
    assert out.startswith(f"2 of 2 epochs done in {folder}.\n")
    assert f"Best weights on validation: {folder / 'best.weights.h5'}" in out
    assert [row["epoch"] for row in read_history(folder)] == [0, 1]


def test_train_says_how_to_go_on(run, recipe, mnist, tmp_path, monkeypatch):
    def train(recipe, run_dir, data, max_minutes, verbose, devices):
        assert (recipe.name, run_dir, data) == ("tiny", "run", "digits.npz")
        assert (max_minutes, verbose, devices) == (1.5, 2, 3)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("msrnn_keras.training.train", train)
    arguments = ("--out", "run", "--data", "digits.npz", "--max-minutes", 1.5)
    arguments += ("--verbose", 2, "--devices", 3)
    out = run("train", recipe, *arguments)
    assert out == (
        "0 of 2 epochs done in run.\nRun the same command again to go on.\n"
    )


def test_train_finds_published_recipes(run, tmp_path, monkeypatch):
    name = "ms-convlstm-mnist-small"
    trained = []
    monkeypatch.setattr(
        "msrnn_keras.training.train",
        lambda recipe, *args, **kwargs: trained.append(recipe.name),
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()  # The run's folder may have the recipe's name.
    run("train", name, "--out", name)
    assert trained == [name]


def test_train_refuses_what_it_cannot_do(refuse, recipe, mnist, tmp_path):
    out = tmp_path / "run"
    refuse("none.toml", "train", tmp_path / "none.toml", "--out", out)
    refuse("cannot be read", "train", mnist, "--out", out)
    refuse("none.npz", "train", recipe, "--out", out, "--data", "none.npz")
    refuse("Received: -1", "train", recipe, "--out", out, "--max-minutes", -1)
    refuse("devices=0", "train", recipe, "--out", out, "--devices", 0)
    refuse("batch_size=2", "train", recipe, "--out", out, "--devices", 3)
    assert not out.exists()
    refuse("not empty", "train", recipe, "--out", tmp_path, "--data", mnist)
    assert set(contents(tmp_path)) == {"tiny.toml"}


@pytest.fixture
def checkpoint(tmp_path):
    """A PyTorch file of a small model, and the model."""
    torch = pytest.importorskip("torch")
    model = tiny("ms-preciplstm", attention_window=4, context=2, horizon=2)
    arrays = convert.export_torch_checkpoint(model)
    state = {name: torch.from_numpy(a) for name, a in arrays.items()}
    torch.save(state, tmp_path / "best.pth")
    return tmp_path / "best.pth", model


def test_convert_writes_a_model_that_keras_loads(checkpoint, tmp_path, capsys):
    path, model = checkpoint
    out = tmp_path / "new" / "folder"
    command = ["convert", str(path), "--model", "MS_PrecipLSTM"]
    command += ["--out", str(out), "--context", "2", "--horizon", "2"]
    assert cli.main([*command, "--set", "attention_window=4"]) == 0
    assert f"{model.count_params():,} parameters" in capsys.readouterr().out
    twin = keras.saving.load_model(out / "model.keras")
    assert twin.get_config() == model.get_config() | {
        "image_shape": (64, 64, 1)
    }
    for a, b in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    before = (out / "model.keras").read_bytes()
    assert cli.main([*command, "--set", "attention_window=4"]) == 2
    assert "the model is there. Received: " in capsys.readouterr().err
    assert (out / "model.keras").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "ms-predrnn"], "unknown: .*LA.conv1"),
        (["--model", "ms-nothing"], "Received: 'ms-nothing'"),
        (["--model", "ms-preciplstm", "--set", "window"], "Received: window"),
        (["--model", "ms-preciplstm", "--set", "links=3"], "Received: .*links"),
        (["--model", "ms-preciplstm", "--kernel-size", "5"], "another shape"),
    ],
)
def test_convert_refuses_and_writes_nothing(
    checkpoint, tmp_path, capsys, arguments, message
):
    path, _ = checkpoint
    out = tmp_path / "out"
    command = ["convert", str(path), "--out", str(out), *arguments]
    assert cli.main(command) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert error.count("\n") == 1
    assert not out.exists()


SMALL_SUMMARY = "--filters 4 --size 16x24 --context 2 --horizon 2".split()


def test_summary_prints_what_the_function_gives(capsys):
    command = ["summary", "PrecipLSTM", *SMALL_SUMMARY, "--batch", "3"]
    command += ["--set", "attention_window=6", "--skips", "fc"]
    assert cli.main([*command, "--precision", "mixed_bfloat16"]) == 0
    expected = summary.compare(
        "ms-preciplstm",
        batch=3,
        image_shape=(16, 24, 1),
        context=2,
        horizon=2,
        filters=4,
        attention_window=6,
        skips="fc",
        dtype="mixed_bfloat16",
    )
    assert capsys.readouterr().out == summary.table(expected) + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "Received: 'nothing'"),
        (["predrnn", "--size", "64"], "HEIGHTxWIDTH.*Received: 64"),
        (["predrnn", "--filters", "0"], "Received: filters=0"),
        (["predrnn", "--batch", "0"], "Received: batch=0"),
        (["predrnn", "--set", "links=3"], "Received: .*links"),
    ],
)
def test_summary_refuses_bad_options_in_one_line(capsys, arguments, message):
    assert cli.main(["summary", *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert error.count("\n") == 1


@pytest.fixture
def profiled(monkeypatch):
    """The tasks of `msrnn profile`, which are not run."""
    tasks = []

    def run_task(task, *args):
        tasks.append(task)
        return {"step_seconds": 2.0 if task.name.startswith("ms-") else 4.0}

    monkeypatch.setattr("msrnn_keras.profiling.processes.run_task", run_task)
    return tasks


def test_profile_measures_what_is_asked_for(profiled, tmp_path, capsys):
    file = tmp_path / "profile.json"
    command = ["profile", "TrajGRU", *SMALL_SUMMARY, "--batch", "3"]
    command += ["--set", "links=2", "--skips", "fc", "--steps", "5"]
    command += ["--repeats", "2", "--backend", "torch", "--json", str(file)]
    assert cli.main([*command, "--precision", "mixed_bfloat16"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    (line,) = (x for x in lines if x.startswith("training step"))
    assert line.split()[-3:] == ["4.000", "2.000", "0.50"]
    assert printed.err.startswith("1/2: trajgru on torch, step\n")
    assert len(profiled) == len(printed.err.splitlines()) == 8
    for task in profiled:
        assert (task.batch, task.steps, task.backend) == (3, 5, "torch")
    multi_scale = profiled[1]
    assert multi_scale.name == "ms-trajgru"
    assert multi_scale.options == {
        "image_shape": (16, 24, 1),
        "context": 2,
        "horizon": 2,
        "filters": 4,
        "kernel_size": 3,
        "patch_size": 1,
        "dtype": "mixed_bfloat16",
        "links": 2,
        "skips": "fc",
        "scales": (1, 2, 4, 4, 2, 1),
    }
    record = json.loads(file.read_text())
    assert record["multi_scale"]["results"] == [{"step_seconds": 2.0}] * 4
    assert record["plain"]["name"] == "trajgru"


def test_profile_refuses_what_it_cannot_do(profiled, refuse, tmp_path):
    refuse("Received: 'nothing'", "profile", "nothing")
    refuse("Received: steps=0", "profile", "predrnn", "--steps", 0)
    refuse("backend='numpy'", "profile", "predrnn", "--backend", "numpy")
    refuse("Received: 64", "profile", "predrnn", "--size", "64")
    refuse("remat", "profile", "predrnn", "--remat", "all")
    nowhere = tmp_path / "nowhere" / "a.json"
    refuse("folder", "profile", "predrnn", "--json", nowhere)
    assert not profiled
