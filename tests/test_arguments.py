"""A wrong argument is refused in one sentence; a whole number is an integer.

A row is an entry point, and for each of its arguments the values it refuses.
"""

import argparse
import functools
import json

import numpy as np
import pytest

import msrnn_keras
import zoo
from msrnn_keras import (
    Earthformer,
    Lagrangian,
    MSStack,
    ScheduledSampling,
    SimVP,
    baselines,
    data,
    losses,
    metrics,
    tuning,
)
from msrnn_keras.cells import ConvLSTMCell
from msrnn_keras.cli import arguments as kinds
from msrnn_keras.cli import main as command
from msrnn_keras.evaluation import evaluate, score_table
from msrnn_keras.training import finetune
from msrnn_keras.utils.arguments import check_path

NAN, INF, HUGE = float("nan"), float("inf"), 10**30
INTEGER = ["3", 2.5, NAN, INF, True, None, 0, -1, [3], HUGE, np.arange(2)]
COUNT = [x for x in INTEGER if not (isinstance(x, int) and x == 0)]
NUMBER = ["0.5", None, True, NAN, INF, -INF, [1], {}, 1j, 10**400]
BOOLEAN = ["no", 2, None, NAN, [], 0.5]
NAME = [5, None, "", "nonsense", ["x"], b"x", {}, True, NAN]
SIZE = ["8x8", 8, (8,), (8, 0), (8.5, 8), ("8", "8"), (True, 8), (NAN, 8)]
SHAPE = ["64", None, (8, 8), (8, 0, 1), (8, 8, -1), (8, 8.5, 1), (NAN, 8, 1)]
SHAPE += [("8", 8, 1), (8, 8, None), (8, True, 1), [], {}]
SEVERAL = ["12", 5, (0,), ("1",), (1.5,), (True,), (NAN,), {}]
PATH = [None, 5, "", "\0", True, [], b"x", NAN]


def some(values, *others, optional=True):
    """Return values without None, which the argument takes, and others."""
    return [x for x in values if not (optional and x is None)] + [*others]


FRAMES = np.random.default_rng(0).random((2, 2, 8, 8, 1), dtype="float32")
RECORDED = np.tile(FRAMES[0], (6, 1, 1, 1))
BAD_FRAMES = {
    "a text": "x",
    "none": None,
    "too few axes": FRAMES[0],
    "no frame": FRAMES[:, :0],
    "no clip": FRAMES[:0],
    "no channel": FRAMES[..., :0],
    "two channels": np.concatenate([FRAMES, FRAMES], -1),
    "integers": np.uint8(255 * FRAMES),
    "infinite": FRAMES / 0,
    "large": 1e9 * FRAMES,
    "objects": FRAMES.astype(object),
    "texts": FRAMES.astype(str),
    "a dict": {"frames": FRAMES},
    "a ragged list": [1, [2, 3]],
}
BAD_FRAMES = list(BAD_FRAMES.values())
SMALL = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
STACK = {**SMALL, "cell": "convlstm", "filters": 2, "scales": (1, 1)}
WIDTHS = {"translator_filters": 4, "spatial_layers": 2, "translator_blocks": 2}
SIMVP = {**SMALL, "filters": 2, **WIDTHS}
DEPTHS = {"enc_depth": (1,), "dec_depth": (1,)}
EARTH = {**SMALL, "base_units": 16, "num_heads": 2, **DEPTHS}


def calling(function, **usual):
    """Return a call with other values of some arguments."""
    return lambda **given: function(**{**usual, **given})


@functools.cache
def stack(**options):
    model = MSStack(**STACK, **options)
    model.compile("adam", loss="mse")
    return model


@functools.cache
def simvp():
    model = SimVP(**SIMVP)
    model.compile("adam", loss="mse")
    return model


@functools.cache
def space():
    return tuning.MSRNNHyperModel("convlstm", filters=1, **SMALL)


def streamed():
    """A stream that has had a clip."""
    stream = stack().stream()
    for frame in FRAMES[0]:
        stream.update(frame)
    return stream


def of_model(make, method, **usual):
    """Return a call of a method of a model that is made once."""
    return lambda **given: getattr(make(), method)(**{**usual, **given})


SHARED = {
    "image_shape": SHAPE,
    "context": INTEGER,
    "horizon": INTEGER,
    "missing": some(NAME),
    "remat": some(NAME),
    "dtype": ["nonsense", {}],
}
CALL = {
    "batch_size": some(INTEGER),
    "verbose": ["x", 5, None, [], NAN],
}
FIT = {
    **CALL,
    "x": BAD_FRAMES,
    "y": [x for x in BAD_FRAMES if x is not None],
    "sample_weight": ["x", 5, np.ones(3), np.array([1, NAN])],
}
MODELS = {
    "MSStack": (
        calling(MSStack, **STACK),
        {
            **SHARED,
            "cell": NAME,
            "filters": INTEGER,
            "kernel_size": INTEGER,
            "scales": [*SEVERAL, None, (), (1, 2)],
            "skips": some(NAME),
            "patch_size": INTEGER,
            "sampling": ["none", "linear", {}, 5, True, [], ScheduledSampling],
            "warmup": BOOLEAN,
            "motion": some(BOOLEAN),
            "decoupling_weight": some(NUMBER, -1),
            "residual": BOOLEAN,
            "bogus": [1],
        },
    ),
    "trajgru": (
        calling(msrnn_keras.create, name="trajgru", **SMALL, filters=2),
        {"links": INTEGER, "name": NAME[1:2], "attention_window": [3]},
    ),
    "motionrnn": (
        calling(msrnn_keras.create, name="motionrnn", **SMALL, filters=4),
        {"motion_limit": [*NUMBER, 0]},
    ),
    "SimVP": (
        calling(SimVP, **SIMVP),
        {
            **SHARED,
            "horizon": [*INTEGER, 10**6],
            "filters": [*INTEGER, 3],
            "translator_filters": INTEGER,
            "spatial_layers": [*INTEGER, 1, (3,)],
            "translator_blocks": [*INTEGER, 1],
            "translator": NAME,
            "original": BOOLEAN,
            "encoder_kernel_size": [*INTEGER, 2],
            "mlp_ratio": [*NUMBER, 0],
            "drop_path_rate": [*NUMBER, 1],
            "inception_kernel_sizes": [*SEVERAL, (), (2,)],
            "inception_groups": INTEGER,
            "divergence_weight": some(NUMBER, -1),
        },
    ),
    "Earthformer": (
        calling(Earthformer, **EARTH),
        {
            **SHARED,
            "output_channels": some(INTEGER),
            "base_units": [*INTEGER, 15],
            "block_units": [*SEVERAL, (3,), (16, 32)],
            "scale_alpha": NUMBER,
            "num_heads": [*INTEGER, 3],
            "enc_depth": [*SEVERAL, None, (), (1, 1)],
            "enc_attn_patterns": [5, True, NAN],
            "dec_cross_last_n_frames": some(INTEGER, 3),
            "dec_cross_start": [*COUNT, 5],
            "num_global_vectors": COUNT,
            "initial_downsample_conv_layers": COUNT,
            "z_init_method": NAME,
            "gated_ffn": BOOLEAN,
            "use_relative_pos": BOOLEAN,
            "ffn_drop": [*NUMBER, 1],
        },
    ),
    "Lagrangian": (
        lambda **given: Lagrangian(
            **{"model": stack(missing="mask", residual=True), **given}
        ),
        {
            "model": [None, 5, "x"],
            "fill": some(NUMBER),
            "matched": BOOLEAN,
            "blend": [*NUMBER, 2],
            "blur": [*NUMBER, -1],
            "factor": NUMBER,
        },
    ),
    "ScheduledSampling": (
        ScheduledSampling,
        {"context_rate": [*NUMBER, -0.1], "horizon_rate": [*NUMBER, 1.1]},
    ),
    "ScheduledSampling.linear": (
        ScheduledSampling.linear,
        {"steps": INTEGER},
    ),
    "ScheduledSampling.reverse": (
        ScheduledSampling.reverse,
        {"steps": INTEGER},
    ),
}
METHODS = {
    "predict": (
        of_model(stack, "predict", x=FRAMES, verbose=0),
        {**CALL, "x": BAD_FRAMES, "steps": some(INTEGER), "callbacks": ["x"]},
    ),
    "SimVP.predict": (
        of_model(simvp, "predict", x=FRAMES, verbose=0),
        {**CALL, "x": BAD_FRAMES},
    ),
    "forecast": (
        of_model(stack, "forecast", frames=FRAMES),
        {**CALL, "frames": BAD_FRAMES, "horizon": some(INTEGER)},
    ),
    "predict_all": (
        of_model(stack, "predict_all", frames=FRAMES),
        {**CALL, "frames": BAD_FRAMES},
    ),
    "fit": (
        of_model(stack, "fit", x=FRAMES, y=FRAMES, verbose=0),
        {
            **FIT,
            "epochs": INTEGER,
            "initial_epoch": some(COUNT),
            "steps_per_epoch": some(INTEGER),
            "validation_split": ["x", 2, -1, NAN, True],
            "validation_data": ["x", (FRAMES,), (FRAMES, FRAMES[:, :1])],
            "shuffle": ["no", 5],
        },
    ),
    "SimVP.fit": (of_model(simvp, "fit", x=FRAMES, y=FRAMES, verbose=0), FIT),
    "evaluate": (
        of_model(stack, "evaluate", x=FRAMES, y=FRAMES, verbose=0),
        {**FIT, "steps": some(INTEGER)},
    ),
    "value_range": (
        lambda value_range: setattr(stack(), "value_range", value_range),
        {"value_range": ["x", 5, (1,), (1, 0), (NAN, 1), ("0", "1"), []]},
    ),
    "stream": (
        of_model(stack, "stream"),
        {
            "window": some(INTEGER, "AUTO"),
            "interval": some(NUMBER, 0, -1),
            "gap": NAME,
        },
    ),
    "update": (
        lambda **given: (
            stack().stream().update(**{"frame": FRAMES[0, 0]} | given)
        ),
        {
            "frame": ["x", None, FRAMES, FRAMES[0, 0, 0], [1, [2]], {}],
            "time": ["2020", 5, NAN, True, [], np.datetime64("NaT")],
        },
    ),
    "Stream.forecast": (
        lambda **given: streamed().forecast(**given),
        {"horizon": INTEGER},
    ),
    "save": (lambda **given: streamed().save(**given), {"path": PATH}),
    "load_stream": (of_model(stack, "load_stream"), {"path": PATH}),
    "save_to_preset": (
        of_model(stack, "save_to_preset"),
        {"folder": [*PATH, "/proc/x"]},
    ),
    "export": (
        of_model(stack, "export", path="x", size=(8, 8)),
        {"path": some(PATH), "format": NAME, "size": SIZE},
    ),
}
SOURCE = data.from_arrays(RECORDED)
TIMES = ["x", 5, np.arange(12), np.arange(5).astype("M8[m]"), ["x"] * 12]
ARRAYS = ["x", 5, None, [], FRAMES, RECORDED[:0], RECORDED.astype(object)]
ARRAYS += [5 * RECORDED, np.int64(RECORDED), {"frames": 1}, [1, [2, 3]]]
BATCHES = {
    "context": INTEGER,
    "horizon": INTEGER,
    "batch_size": INTEGER,
    "stride": INTEGER,
    "seed": COUNT,
    "teacher_forcing": BOOLEAN,
    "workers": COUNT,
    "use_multiprocessing": ["x", 1],
}
DIGITS = data.sample_digits("test")
DATA = {
    "load": (
        calling(data.load, name="mnist", split="test", digits=DIGITS),
        {
            "name": NAME,
            "split": NAME,
            "batch_size": INTEGER,
            "context": some(INTEGER),
            "horizon": some(INTEGER),
            "num_clips": some(INTEGER),
            "seed": COUNT,
            "shuffle": some(BOOLEAN),
            "teacher_forcing": BOOLEAN,
            "image_shape": [*SIZE, (9, 9, 1)],
            "num_digits": INTEGER,
            "speed": [*NUMBER, -1],
            "digits": ["x", 5, FRAMES, DIGITS[:0]],
            "bogus": [1],
        },
    ),
    "load, a path": (
        calling(data.load, name="mnist", split="test"),
        {"path": some(PATH)},
    ),
    "load, another set": (
        calling(data.load, name="kth", split="test", path="/none"),
        {"stride": some(INTEGER), "num_clips": some(INTEGER), "path": [5, ""]},
    ),
    "from_arrays": (
        calling(data.from_arrays, frames=RECORDED),
        {
            "frames": ARRAYS,
            "interval": some(NUMBER, 0, -1),
            "times": TIMES,
            "scaling": ["x", 5, data.MinMax, {}],
        },
    ),
    "ArraySource": (
        calling(data.ArraySource, frames=RECORDED),
        {
            "interval": some(NUMBER, 0),
            "scaling": ["x", 5, data.MinMax],
            "segments": ["x", 5, [(0,)], [(3, 1)], [(0, 99)], [("0", 1)]],
        },
    ),
    "Clips": (
        calling(data.Clips, source=SOURCE, context=2, horizon=2),
        {
            **BATCHES,
            "source": ["x", 5, None, RECORDED],
            "shuffle": BOOLEAN,
            "num_clips": some(INTEGER),
        },
    ),
    "Crops": (
        calling(
            data.Crops, sources=SOURCE, context=2, horizon=2, image_shape=(4, 4)
        ),
        {
            **BATCHES,
            "sources": ["x", 5, None, [], [5]],
            "image_shape": [*SIZE, (99, 4)],
            "num_clips": INTEGER,
            "dry": [*NUMBER, 2],
            "augment": BOOLEAN,
            "fixed": BOOLEAN,
            "scaling": ["x", 5],
        },
    ),
    "from_netcdf": (
        calling(data.from_netcdf, data="/none.nc"),
        {"data": PATH, "interval": ["x", 0, NAN], "scaling": ["x"]},
    ),
    "from_radar": (
        calling(data.from_radar, files="/none", importer="odim_hdf5"),
        {
            "files": PATH[:-1],
            "importer": NAME,
            "interval": ["x", 0, NAN],
            "period": ["x", 0, NAN, True],
            "scaling": ["x"],
        },
    ),
    "from_video": (
        calling(data.from_video, path="/none.mp4"),
        {
            "path": PATH,
            "size": SIZE,
            "gray": BOOLEAN,
            "start": COUNT,
            "count": some(INTEGER),
        },
    ),
    "MinMax": (
        data.MinMax,
        {"low": some(NUMBER, optional=False)[:6], "high": [-1, NAN, "x"]},
    ),
    "RainRate": (data.RainRate, {"a": [*NUMBER, 0], "low": NUMBER}),
    "as_trained": (
        lambda **given: data.as_trained(
            **{"recording": SOURCE, "model": stack(), **given}
        ),
        {"recording": ["x", None], "grid_step": ["x", 0, -1, NAN, True]},
    ),
}
SCORES = {
    "evaluate": (
        lambda **given: evaluate(
            **{"model": stack(), "dataset": (FRAMES, FRAMES), **given}
        ),
        {
            "model": [None, 5, "x"],
            "dataset": [None, 5, "x", {}, (5, 5), (FRAMES,), [5], []],
            "metrics": [5, "mse", [], ["mse"], [5], [metrics.MSE]],
            "batch_size": INTEGER,
            "verbose": ["x", None, 5],
        },
    ),
    "score_table": (
        calling(score_table, rows={}),
        {"rows": [None, 5], "protocol": NAME, "columns": ["mse", 5, [5]]},
    ),
    "MSE": (
        metrics.MSE,
        {"num_frames": some(INTEGER), "clip": BOOLEAN, "dtype": ["x", {}]},
    ),
    "GDL": (metrics.GDL, {"alpha": [*NUMBER, 0]}),
    "BalancedMSE": (
        metrics.BalancedMSE,
        {"thresholds": ["x", 5, (), (2, 1), ("1",)], "scaling": [5, "x"]},
    ),
    "FSS": (
        calling(metrics.FSS, threshold=0.5, window=3),
        {"threshold": NUMBER, "window": INTEGER},
    ),
    "threshold_metrics": (
        calling(metrics.threshold_metrics, thresholds=(1.0,)),
        {"thresholds": ["x", 5, None, (NAN,)], "windows": ["x", 5, (0,)]},
    ),
    "update_state": (
        lambda **given: metrics.MSE().update_state(
            **{"y_true": FRAMES, "y_pred": FRAMES, **given}
        ),
        {"y_true": BAD_FRAMES[:3], "sample_weight": ["x", 5]},
    ),
    "FrameL1L2Loss": (losses.FrameL1L2Loss, {"l1_weight": [*NUMBER, -1]}),
    "FrameL1L2Loss()": (
        lambda **given: losses.FrameL1L2Loss()(
            **{"y_true": FRAMES, "y_pred": FRAMES, **given}
        ),
        {"y_true": BAD_FRAMES[:3], "sample_weight": ["x", 5.0]},
    ),
    "OpticalFlow": (
        calling(baselines.OpticalFlow, context=2, horizon=2),
        {"context": INTEGER, "horizon": INTEGER, "flow_frames": [*INTEGER, 1]},
    ),
}
TRAINING = {
    "finetune": (
        lambda **given: finetune(
            **{"model": stack(), "recordings": SOURCE, **given}
        ),
        {
            "model": [None, 5, "x"],
            "recordings": [None, 5, "x", [5], RECORDED],
            "max_minutes": ["1", None, True, NAN, 0, -1],
            "learning_rate": [*NUMBER, 0],
            "batch_size": INTEGER,
            "grid_step": ["x", 0, NAN],
            "seed": COUNT,
        },
    ),
    "MSRNNHyperModel": (
        calling(tuning.MSRNNHyperModel, **SMALL),
        {
            "cell": [*NAME, [], ["convlstm", "x"]],
            "filters": some(INTEGER, [], ["16"], [16, True])[:7],
            "kernel_size": ["3", 2.5, 0, []],
            "scales": ["x", 5, None, [], (), (1, 2), ((1,), (0,))],
            "skips": [*NAME, ["add", "x"]],
            "learning_rate": ["x", 0, -1, NAN, None, (1,), (2, 1), True],
            "sampling": [*NAME, ["linear", "x"]],
            "sampling_steps": ["3", 2.5, 0, None],
            "batch_size": ["3", 2.5, 0],
            "clipnorm": ["x", 0, NAN, True, (1, 2)],
            "seed": COUNT,
            "bogus": [1],
            "image_shape": SHAPE[:4],
            "context": [0, "x"],
            "missing": ["x"],
            "dtype": ["x"],
            "warmup": ["no"],
        },
    ),
    "SimVPHyperModel": (
        calling(tuning.SimVPHyperModel, **SMALL),
        {"model": [*NAME, ["tau", "x"], "convlstm"], "filters": [3, "x", 0]},
    ),
    "tune": (
        lambda **given: tuning.tune(
            **{
                "hypermodel": space(),
                "train": (FRAMES, FRAMES),
                "validation": (FRAMES, FRAMES),
                "folder": "none",
                **given,
            }
        ),
        {
            "hypermodel": [None, 5, "x"],
            "train": [None, 5, "x", (FRAMES,), FRAMES],
            "validation": [None, "x"],
            "folder": [*PATH, __file__, "/proc/x"],
            "method": NAME,
            "max_trials": ["3", 2.5, 0],
            "epochs": INTEGER,
            "overwrite": BOOLEAN,
            "seed": COUNT,
            "max_minutes": ["x", 0, NAN, True],
            "verbose": ["x", None],
        },
    ),
}
ZOO = {
    "zoo.load": (
        calling(zoo.load, model="ms-convlstm/mnist", weights=False),
        {
            "model": NAME,
            "dataset": some(NAME, optional=True)[:2],
            "weights": BOOLEAN,
            "revision": ["x", 0, 2.5, True, 99, []],
            "bogus": [1],
            "horizon": INTEGER[:4],
            "sampling": ["linear", {}],
            "dtype": ["x"],
            "value_range": ["x", (1, 0)],
        },
    ),
    "from_preset": (
        lambda preset: MSStack.from_preset(preset),
        {"preset": NAME},
    ),
    "zoo.names": (zoo.names, {"pattern": [5, None], "weights": ["no", 2]}),
    "zoo.info": (
        calling(zoo.info, model="ms-convlstm/mnist"),
        {"model": NAME, "revision": ["x", 0, 99]},
    ),
}
TABLES = {**MODELS, **METHODS, **DATA, **SCORES, **TRAINING, **ZOO}


def refusals(entry):
    call, table = TABLES[entry]
    for name, values in table.items():
        for value in values:
            yield call, name, value


@pytest.mark.backend_free
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", TABLES)
def test_wrong_values_are_refused(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = []
    for call, name, value in refusals(entry):
        try:
            call(**{name: value})
        except (ValueError, TypeError, OSError, RuntimeError) as error:
            text = str(error)
            if "Received: " not in text or len(text) > 1500:
                wrong.append((name, value, repr(error)[:200]))
        except Exception as error:
            wrong.append((name, value, repr(error)[:200]))
        else:
            wrong.append((name, value, "accepted"))
    assert not wrong, "\n".join(map(str, wrong))
    assert not list(tmp_path.iterdir())


# === Whole numbers ===

WHOLE = np.int64, float, np.float32, np.uint8
MAKERS = {
    "MSStack": lambda n: MSStack(
        "trajgru",
        image_shape=(n(8), n(8), n(1)),
        context=n(2),
        horizon=n(3),
        filters=n(2),
        kernel_size=n(3),
        scales=(n(1), n(1)),
        patch_size=n(2),
        links=n(2),
        sampling=ScheduledSampling.reverse(n(9)),
    ),
    "SimVP": lambda n: SimVP(**{key: whole(x, n) for key, x in SIMVP.items()}),
    "Earthformer": lambda n: Earthformer(
        **{key: whole(x, n) for key, x in EARTH.items()},
        num_global_vectors=n(1),
    ),
    "ConvLSTMCell": lambda n: ConvLSTMCell(n(2), n(3), dtype="float32"),
    "FSS": lambda n: metrics.FSS(0.5, window=n(3), num_frames=n(2)),
}
SETS = {
    "Clips": lambda n: data.Clips(
        SOURCE, n(2), n(2), n(2), n(2), seed=n(1), num_clips=n(2), shuffle=True
    ),
    "Crops": lambda n: data.Crops(
        SOURCE, n(2), n(2), (n(4), n(4)), n(3), n(2), n(1), seed=n(2)
    ),
    "MovingMNIST": lambda n: data.load(
        "mnist",
        "test",
        n(2),
        context=n(2),
        horizon=n(1),
        num_clips=n(2),
        seed=n(3),
        image_shape=(n(32), n(32)),
        num_digits=n(1),
        digits=DIGITS,
    ),
}


def whole(value, kind):
    """Return a number, or each of a tuple, of another kind."""
    if isinstance(value, tuple):
        return tuple(kind(x) for x in value)
    return kind(value)


@pytest.mark.backend_free
@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_are_stored_as_integers(kind):
    for make in MAKERS.values():
        given, expected = (
            json.dumps(make(n).get_config() | {"name": None}, default=str)
            for n in (kind, int)
        )
        assert given == expected
    for make in SETS.values():
        given, expected = make(kind), make(int)
        for name, value in vars(expected).items():
            if isinstance(value, int):
                found = getattr(given, name)
                assert (type(found), found) == (type(value), value)
        for a, b in zip(given.arrays(), expected.arrays(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.backend_free
def test_unsuitable_kinds_are_refused():
    with pytest.raises(ValueError, match="control characters"):
        check_path("path", "a\nb")
    assert check_path("path", "~").is_absolute()


@pytest.mark.parametrize("kind", WHOLE[:2])
def test_calls_take_whole_numbers_and_refuse_others(kind):
    model = stack()
    expected = model.forecast(FRAMES, horizon=3, batch_size=1)
    options = {"horizon": kind(3), "batch_size": kind(1), "verbose": 0}
    np.testing.assert_array_equal(model.forecast(FRAMES, **options), expected)
    stream = streamed()
    np.testing.assert_array_equal(stream.forecast(kind(3)), stream.forecast(3))
    options = {"batch_size": kind(2), "epochs": kind(2), "verbose": 0}
    history = model.fit(FRAMES, FRAMES, **options)
    assert history.epoch == [0, 1]
    for call, name, value in (
        (model.forecast, "horizon", 2.5),
        (model.forecast, "batch_size", "2"),
        (model.predict, "batch_size", 0),
        (functools.partial(model.fit, y=FRAMES), "epochs", True),
    ):
        with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}="):
            call(FRAMES, **{name: value})


# === Commands ===


def subcommands():
    parser = command.build_parser()
    (action,) = (
        x for x in parser._actions if isinstance(x, argparse._SubParsersAction)
    )
    return action.choices


NUMERIC = {
    kinds.integer: ("x", "1.5", "0", "-1", "nan", "9" * 20),
    kinds.natural: ("x", "1.5", "-1", "9" * 20),
    kinds.number: ("x", "nan", "inf", "1e999"),
    kinds.positive: ("x", "nan", "inf", "0", "-1"),
}


@pytest.mark.backend_free
@pytest.mark.parametrize("name", subcommands())
def test_numbers_of_commands_are_refused_in_one_line(name, capsys):
    for action in subcommands()[name]._actions:
        flag = action.option_strings[-1] if action.option_strings else None
        for value in NUMERIC.get(action.type, ()):
            values = [value] * (2 if action.nargs == 2 else 1)
            with pytest.raises(SystemExit, match="2"):
                # "=" because argparse takes -1 for an option.
                given = (
                    [flag, *values]
                    if len(values) > 1 or action.nargs == "+"
                    else [f"{flag}={value}"]
                )
                command.main([name, *given])
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith(f"msrnn {name}: argument {flag}: ")
            assert value in line or "expected" in line
        assert action.type not in (int, float)


LATE = (
    "predict frames.npy --out o.npz --format x",
    "predict frames.npy --out o.npz --poll 3",
    "predict frames.npy --out o.npz --size 8",
    "predict frames.npy --out none/o.npz",
    "predict frames.npy --out /proc/o.npz",
    "finetune frames.npy --model MODEL --out none/x",
    "finetune frames.npy --model MODEL --out /proc/x",
    "evaluate MODEL --split x",
    "evaluate MODEL --baselines x",
    "evaluate MODEL --scores x",
    "evaluate MODEL --windows 3 --thresholds nan",
    "evaluate MODEL --interval 3",
    "evaluate MODEL x",
    "evaluate MODEL --json /proc/x",
    "train MODEL/small --out frames.npy --init MODEL",
    "train MODEL/small --out /proc/x --init MODEL",
    "demo --out none",
    "demo --out /proc",
    "demo --shown 99 --clips 3",
    "export MODEL --out x.pt2 --format x",
    "export MODEL --out x.txt --format torch",
    "export MODEL --out /proc/x.pt2 --format torch",
    "convert frames.npy --model ms-convlstm --out /proc/x",
    "app --presets none",
    "app --port 99999",
)


@pytest.mark.backend_free
@pytest.mark.parametrize("line", LATE)
def test_commands_check_before_they_load(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo, "load", lambda *args, **kwargs: pytest.fail())
    np.save("frames.npy", RECORDED[..., 0])
    line = line.replace("MODEL", "ms-convlstm/mnist").split()
    try:
        status = command.main(line)
    except SystemExit as ended:  # of the parser
        status = ended.code
    assert status == 2
    (text,) = capsys.readouterr().err.splitlines()
    assert text.startswith(f"msrnn {line[0]}: ") and "Received: " in text
    assert [path.name for path in tmp_path.iterdir()] == ["frames.npy"]
