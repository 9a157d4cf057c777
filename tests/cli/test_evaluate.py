import json

import numpy as np
import pytest

from msrnn_keras import MSStack, data, evaluation, metrics
from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MovingMNIST
from msrnn_keras.data.datasets import digits, moving_mnist, recordings
from msrnn_keras.evaluation import evaluate
from tests.data.datasets import published
from tests.recordings import rain, write_netcdf
from tests.reference import tiny


@pytest.fixture
def few_clips(monkeypatch):
    monkeypatch.setitem(moving_mnist.NUM_CLIPS, "test", 6)


@pytest.fixture
def verified(monkeypatch):
    """The data sets that were verified to be the test set; none is refused."""
    verified = []
    monkeypatch.setattr("msrnn_keras.data.verify_test_set", verified.append)
    return verified


def test_evaluate_scores_the_preset_and_the_baselines(
    run, library, mnist, tmp_path, few_clips, verified
):
    out = run(
        *("evaluate", "ms-convlstm/mnist", "--data", mnist),
        *("--clips", 4, "--json", tmp_path / "scores.json"),
    )
    assert "mnist test set, 4 clips" in out
    assert "Protocol forecast" in out and "Protocol all frames" in out
    assert len(verified) == 1
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores) == ["ms-convlstm", "persistence", "all black"]
    data = MovingMNIST("test", 4, 16, 2, 2, (32, 32), path=mnist)
    model = library.load("ms-convlstm/mnist")
    for scored in (model, Persistence(2, 2)):
        assert scores[scored.name] == evaluate(scored, data)


@pytest.mark.backend_free
def test_evaluate_with_chosen_scores(
    run, refuse, mnist, few_clips, verified, monkeypatch
):
    command = ("evaluate", "ms-convlstm/mnist", "--data", mnist, "--clips", 2)
    refuse("--thresholds: it takes a finite n", *command, "--thresholds", "nan")
    refuse("`windows` need `thresholds`", *command, "--windows", 3)
    refuse("score; the nearest are: mse", *command, "--scores", "rmse")
    refuse("must not be a folder", *command, "--json", mnist.parent)
    report = ("--report", mnist.parent / "x.html")
    with monkeypatch.context() as patch:  # before anything is scored
        patch.setattr(evaluation, "evaluate", lambda *args, **kwargs: 1 / 0)
        refuse("from 0 to 1. Received: 2", *command, *report, "--shown", 0, 2)
    command += ("--scores", "gdl", "balanced_mse", "--thresholds", 0.5)
    out = run(*command, "--windows", 3, "--baselines")
    header = "Model GDL BALANCED MSE POD 0.5 FAR 0.5 CSI 0.5 HSS 0.5 FSS 0.5 3"
    assert header.split() == out.splitlines()[-2].split()


@pytest.mark.backend_free
def test_evaluate_on_recordings(run, refuse, tmp_path, monkeypatch):
    pytest.importorskip("netCDF4")
    path = write_netcdf(tmp_path / "a.nc", np.nan_to_num(rain(50, (32, 32))))
    asked = []
    monkeypatch.setattr(
        recordings, "as_trained", lambda x, *args: asked.append(args) or x
    )
    command = ("evaluate", "ms-convlstm/mnist", "recordings", "--data", path)
    out = run(*command, "--variable", "rain", "--grid-step", 2, "--clips", 1)
    assert "recordings test set, 1 clips" in out and "CSI 1" in out
    assert [(type(model), step) for model, step in asked] == [(MSStack, 2.0)]
    command = ("evaluate", "ms-convlstm/mnist", "mnist", "--grid-step", 2)
    refuse("--grid-step is for the data set recordings", *command)


@pytest.mark.backend_free
def test_evaluate_refuses_other_clips_than_the_test_set(
    refuse, tmp_path, few_clips, monkeypatch
):
    monkeypatch.setattr(digits, "ADDRESS", tmp_path.as_uri() + "/none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    arguments = ("evaluate", "ms-convlstm/mnist")
    with pytest.warns(UserWarning, match="small sample"):
        refuse("from 500 digits", *arguments)
    arguments += ("--data", tmp_path / "none.npz")
    refuse("none.npz", *arguments)
    refuse("nowhere", *arguments, "--json", tmp_path / "nowhere" / "a.json")


@pytest.fixture(scope="module")
def germany(tmp_path_factory):
    pytest.importorskip("h5py")
    path = tmp_path_factory.mktemp("published") / "RYDL.hdf5"
    published.write_germany(path)
    return path


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    sizes = {"filters": 2, "scales": (1,), "patch_size": 8}
    model = MSStack(
        "convlstm", (128, 128, 1), 2, 2, missing="mask", name="mine", **sizes
    )
    model.save(path)
    return path


@pytest.mark.backend_free
def test_evaluate_reports_on_radar(
    run, germany, model_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    out = run(
        *("evaluate", model_file, "germany", "--data", germany),
        *("--clips", 2, "--baselines", "persistence", "linear-extrapolation"),
        *("--json", tmp_path / "scores.json"),
        *("--report", tmp_path / "report.html"),
    )
    assert "CSI 0.5" in out and "germany test set, 2 clips" in out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores) == ["mine", "persistence", "linear extrapolation"]
    clips = data.load(
        "germany", "test", context=2, horizon=2, path=germany, num_clips=2
    )
    rain = metrics.threshold_metrics(metrics.RAIN_THRESHOLDS)
    expected = evaluate(Persistence(2, 2), clips, [metrics.MSE(), *rain])
    for key in ("mse", "csi_0.5", "hss_30"):
        given = scores["persistence"]["forecast"][key]
        assert given == pytest.approx(expected["forecast"][key])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "linear extrapolation" in page and "germany, test" in page


@pytest.mark.backend_free
def test_evaluate_refuses_damaged_and_short_data(
    refuse, germany, model_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    command = ("evaluate", model_file, "germany", "--data")
    cut = tmp_path / "cut.hdf5"
    cut.write_bytes(germany.read_bytes()[:5000])
    refuse("cut.hdf5", *command, cut)
    refuse("zenodo.org", *command, tmp_path / "none.hdf5")
    long = tmp_path / "long.keras"
    MSStack("convlstm", (128, 128, 1), 900, 9, filters=2, scales=(1,)).save(
        long
    )
    refuse("A clip needs 909 con", "evaluate", long, *command[2:], germany)
    refuse("nearest", "evaluate", model_file, "moon", "--data", germany)
    refuse("nearest", *command, germany, "--baselines", "flow")
    refuse("MODEL/DATASET", "evaluate", model_file)


@pytest.mark.backend_free
def test_evaluate_scores_members(run, mnist, tmp_path, few_clips, verified):
    sizes = {"image_shape": (32, 32, 1), "scales": (1,)}
    model, path = tiny("convlstm", noise=True, **sizes), tmp_path / "x.keras"
    model.save(path)
    out = run(
        *("evaluate", path, "mnist", "--data", mnist, "--clips", 2),
        *("--members", 3, "--scores", "crps", "mae"),
    )
    assert "CRPS" in out.upper() and "persistence" in out
