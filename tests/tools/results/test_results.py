"""`docs/results.md` is that of the presets; its figures show them."""

import re
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import zoo
from msrnn_keras.baselines import Persistence
from msrnn_keras.data import MovingMNIST, sample_digits
from tools.results import figures, page, pictures, transfer
from tools.results.__main__ import PAGE, main
from tools.results.presets import Result, pairs, results

pytestmark = pytest.mark.backend_free


def result(model, mse, variant="small", history=(), **training):
    """Return a `Result` with a few scores."""
    scores = {"mse": mse, "mae": 2 * mse, "ssim": 0.5, "psnr": 20.0}
    protocols = {"forecast": scores, "ms-rnn": {**scores, "mse": mse - 5}}
    metadata = {
        **{"model": model, "variant": variant, "revision": "1"},
        "parameters": 1234,
        "scores": {"test": protocols},
        "curves": {"mse": [mse - 1, mse + 1]},
        "baselines": {"persistence": {**protocols, "ms-rnn": scores}},
        "training": {
            **{"clips": 100, "hours": 2.0, "history": list(history)},
            **training,
        },
    }
    return Result(f"{model}/mnist/{variant}", metadata, 10**9, 2**20)


def scores_of(*folders):
    """Return the scores on other sizes and horizons, the same for all."""
    row = {key: 11.0 * (i + 1) for i, key in enumerate(transfer.SETTINGS)}
    return {name: row for name in (transfer.PERSISTENCE, *folders)}


@pytest.fixture
def found():
    epochs = [{"seconds": 3600.0, "val_mse": 90.0 - i} for i in range(2)]
    counted = [{**row, "cpu_seconds": 1800.0} for row in epochs]
    earlier = {"earlier_clips": 50, "earlier_hours": 1.5, "cpu_hours": 1.0}
    return [
        result("ms-convlstm", 50.0, "medium", counted, **earlier),
        result("ms-convlstm", 60.0, history=epochs),
        result("convlstm", 80.0, history=epochs),
    ]


def test_the_page_is_that_of_the_presets():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page.render(results(), transfer.read())
    for name in re.findall(r"\]\((assets/\S+)\)", text):
        assert (PAGE.parent / name).is_file()


def test_the_training_of_initial_weights_counts(found):
    medium, small, _ = found
    assert (medium.clips, medium.hours) == (150, 2.5)
    assert medium.history() == [(2.0, 90.0), (2.5, 89.0)]
    assert (small.clips, small.hours) == (100, 2.0)
    assert small.history() == [(1.0, 90.0), (2.0, 89.0)]


def test_tables_compare_pairs_and_the_paper(found):
    assert pairs(found) == [(found[1], found[2])]
    text = page.render(found, scores_of())
    assert (
        "| `ms-convlstm` against `convlstm`, small | −25.0% | −25.0% |" in text
    )
    best = "| MS-ConvLSTM | 58.31 | 45.00 | `ms-convlstm/mnist/medium` | 150 |"
    assert best in text
    assert "| MotionRNN | 55.35 |  |  |  |" in text
    found[2].metadata["scores"]["test"]["ms-rnn"]["mse"] = 1.0
    assert best in page.render(found, scores_of())  # not that of ConvLSTM
    assert "11.00 / 11.00" not in text
    scores = scores_of("ms-convlstm/mnist/small/1", "convlstm/mnist/small/1")
    assert (
        "| `ms-convlstm` / `convlstm`, small "
        "| 11.00 / 11.00 | 22.00 / 22.00 | 33.00 / 33.00 |"
    ) in page.render(found, scores)


def test_pairs_are_scored_once_on_other_sizes(found, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "FILE", tmp_path / "sizes.json")
    loaded = []

    def load(name, **options):
        loaded.append((name, options))
        return Persistence(10, options.get("horizon", 10))

    monkeypatch.setattr(zoo, "load", load)
    monkeypatch.setattr(transfer, "CLIPS", 2)
    digits = sample_digits("test")
    load_data = partial(MovingMNIST, digits=digits)
    monkeypatch.setattr(
        "msrnn_keras.data.load",
        lambda name, split, path, **options: load_data(split, **options),
    )
    scores = transfer.measure(found, "mnist.npz")
    assert loaded[:3] == [
        ("ms-convlstm/mnist/small", {}),
        ("ms-convlstm/mnist/small", {"image_shape": (96, 96, 1)}),
        ("ms-convlstm/mnist/small", {"horizon": 30}),
    ]
    assert len(loaded) == 6
    first, large, long = scores[transfer.PERSISTENCE].values()
    assert first < long and large > 1.2 * first
    folders = ("ms-convlstm/mnist/small/1", "convlstm/mnist/small/1")
    assert set(scores) == {transfer.PERSISTENCE, *folders}
    assert all(scores[x] == scores[transfer.PERSISTENCE] for x in folders)
    assert transfer.measure(found, "mnist.npz") == scores
    assert transfer.read() == scores and len(loaded) == 6
    monkeypatch.setattr(transfer, "CLIPS", 3)
    assert transfer.read() == {}


def test_a_model_without_warm_up_has_no_score_of_all_frames(found):
    found[0].metadata["scores"]["test"]["ms-rnn"]["mse"] = None
    text = page.render(found, scores_of())
    assert "| 50.00 | 100.00 | 0.5000 | 20.00 |  | 1.0 | 150 | 2.50 |" in text
    assert "| MS-ConvLSTM | 58.31 | 55.00 | `ms-convlstm/mnist/small` |" in text


@pytest.mark.parametrize("name", ["training", "cost"])
def test_figures_show_each_preset(found, name):
    (axes,) = figures.FIGURES[name](found).axes
    lines = axes.get_lines()
    assert [line.get_label() for line in lines] == [
        *("ms-convlstm, medium", "ms-convlstm, small", "convlstm, small")
    ]
    assert len({line.get_color() for line in lines}) == 1
    assert [line.get_marker() for line in lines] == ["o", "o", "s"]
    x, y = lines[0].get_data()
    expected = {"training": ([2.0, 2.5], [90.0, 89.0]), "cost": ([1.0], [50.0])}
    np.testing.assert_allclose([x, y], expected[name])


def test_curves_are_of_the_best(found):
    (axes,) = figures.lead_times(found).axes
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), [49.0, 51.0])


@pytest.fixture
def forecasts(monkeypatch):
    """Presets whose error grows with the brightness of the last frame."""
    test = MovingMNIST("test", 40, batch_size=1, digits=sample_digits("test"))
    monkeypatch.setattr("msrnn_keras.data.load", lambda *_, **__: test)
    model = SimpleNamespace(predict=lambda past, **_: np.zeros_like(past))
    monkeypatch.setattr(zoo, "load", lambda name: model)
    monkeypatch.setattr(pictures, "DRAWN", 40)
    return test


def test_pictures_show_drawn_clips_and_the_worst(found, forecasts):
    drawn = pictures.draw(found, None)
    assert set(drawn) == {"clips", "worst"}
    labels = {
        name: [text.get_text() for text in figure.findobj(match=_is_label)]
        for name, figure in drawn.items()
    }
    shown = {
        name: {
            int(x) for text in texts for x in re.findall(r"clip (\d+)", text)
        }
        for name, texts in labels.items()
    }
    errors = {i: np.square(forecasts[i][1]).sum() for i in range(40)}
    worst = sorted(errors, key=errors.get)[-4:]
    assert len(shown["worst"]) == 3 and shown["worst"] <= {*worst}
    assert len(shown["clips"]) == 3 and not shown["clips"] <= {*worst}
    assert any("convlstm" in text for text in labels["clips"])


def _is_label(artist):
    return hasattr(artist, "get_text") and bool(artist.get_text())


def test_the_command_writes_page_and_figures(
    found, forecasts, tmp_path, monkeypatch
):
    (tmp_path / "assets").mkdir()
    monkeypatch.setattr("tools.results.__main__.DOCS", tmp_path)
    monkeypatch.setattr("tools.results.__main__.PAGE", tmp_path / "results.md")
    monkeypatch.setattr("tools.results.__main__.results", lambda: found)
    monkeypatch.setattr(transfer, "measure", lambda *_: scores_of())
    main(["--data", "mnist.npz"])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert text == page.render(found, scores_of())
    images = re.findall(r"\]\((assets/\S+)\)", text)
    assert len(images) == 5
    assert all((tmp_path / name).is_file() for name in images)
