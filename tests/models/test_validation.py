"""The checks of the data that a model receives."""

import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.losses import FrameL1L2Loss
from tests.models.forecasters import MAKERS
from tests.reference import assert_close, assert_equal, clips, numpy, tiny

PAST, FUTURE = clips(length=4), clips(length=3, seed=1)


def with_pixel(frames, value):
    changed = frames.copy()
    changed[1, 2, 3, 4] = value
    return changed


HOLES = with_pixel(PAST, np.nan)
BAD_FRAMES = {
    "rank": (PAST[..., 0], ValueError, "expand_dims.*Received: shape="),
    "channels": (
        np.concatenate([PAST, PAST], -1),
        ValueError,
        r"1 channel\(s\).*Received: shape=",
    ),
    "integers": (
        (PAST * 255).astype("uint8"),
        TypeError,
        r"astype\('float32'\) / 255.*Received: dtype=uint8",
    ),
    "empty": (PAST[:, :0], ValueError, "at least one frame.*Received: "),
    "nan": (HOLES, ValueError, r"numpy.nan_to_num.*Received: "),
    "inf": (
        with_pixel(PAST, -np.inf),
        ValueError,
        r"infinite.*\(inf\).*Received: 1 infinite",
    ),
    "huge": (
        with_pixel(PAST, 1e30),
        ValueError,
        r"1e\+06\].*/ 255.*Received: values .* to 1e\+30",
    ),
}
BAD_TARGETS = {
    "inf": (with_pixel(FUTURE, np.inf), ValueError, "`y`.*infinite"),
    "huge": (with_pixel(FUTURE, -1e30), ValueError, "`y`.*1e.30 to"),
    "integers": ((255 * FUTURE).astype("uint8"), TypeError, "`y`.*/ 255.*int8"),
    "bool": (FUTURE > 0.5, TypeError, "`y`.*Received: dtype=bool"),
    "complex": (FUTURE.astype("complex64"), TypeError, "`y`.*complex64"),
    "length": (FUTURE[:, :2], ValueError, "target.*, 3, 16.*Received: y.shape"),
    "rank": (FUTURE[..., 0], ValueError, "target.*Received: y.shape"),
    "size": (FUTURE[:, :, :8], ValueError, "target.*Received: y.shape"),
    "none": (None, ValueError, "target.*Received: y.shape"),
}


class Batches(keras.utils.PyDataset):
    def __init__(self, batches, **kwargs):
        super().__init__(**kwargs)
        self.batches = batches
        self.epochs = 0

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_end(self):
        self.epochs += 1


def tf_data(batches):
    tf = pytest.importorskip("tensorflow")
    signature = tuple(
        tf.TensorSpec((None, None, *a.shape[2:]), a.dtype) for a in batches[-1]
    )
    return tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=signature
    )


def loader(batches):
    torch = pytest.importorskip("torch")
    arrays = [np.concatenate(part) for part in zip(*batches, strict=True)]
    dataset = torch.utils.data.TensorDataset(*map(torch.from_numpy, arrays))
    return torch.utils.data.DataLoader(dataset, batch_size=len(PAST))


STREAMS = {
    "PyDataset": Batches,
    "workers": lambda batches: Batches(batches, workers=2),
    "tf.data": tf_data,
    "generator": lambda batches: (batch for batch in batches),
    "DataLoader": loader,
}


def compiled(make=tiny, metrics=None, loss="mse", **options):
    model = make(**options)
    model.compile(keras.optimizers.SGD(0.1), loss=loss, metrics=metrics)
    return model


START = tiny().get_weights()


@pytest.fixture(scope="module")
def model():
    return compiled()


@pytest.fixture(scope="module", params=MAKERS)
def every_model(request):
    return compiled(MAKERS[request.param])


@pytest.fixture(scope="module")
def states(model):
    """The weights after 0, 1, 2, 3 and 4 good batches."""
    model.set_weights(START)
    states = [START]
    for _ in range(4):
        model.train_on_batch(PAST, FUTURE)
        states.append(model.get_weights())
    return states


def refused_for_training(model, x, y):
    """Calls with data to refuse."""
    batch = x, y
    return [
        lambda: model.fit(x, y=y, verbose=0),
        lambda: model.fit(PAST, FUTURE, validation_data=batch, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.train_on_batch(x, y),
        lambda: model.test_on_batch(x, y),
    ]


# === Arrays ===


@pytest.mark.parametrize("kind", BAD_FRAMES)
def test_frames_are_refused(every_model, kind):
    model, (frames, error, message) = every_model, BAD_FRAMES[kind]
    methods = [
        *refused_for_training(model, frames, FUTURE),
        lambda: model.predict(frames, verbose=0),
        lambda: model.forecast(frames),
    ]
    if model.has_states:
        methods.append(lambda: model.predict_all(frames))
        methods.append(lambda: model.decoupling_distances(frames))
    if kind not in ("nan", "inf", "huge"):
        methods.append(lambda: model(frames))
    before = model.get_weights()
    for method in methods:
        with pytest.raises(error, match=message):
            method()
    assert_equal(before, model.get_weights())


@pytest.mark.parametrize("kind", BAD_TARGETS)
def test_targets_are_refused(every_model, kind):
    model, (y, error, message) = every_model, BAD_TARGETS[kind]
    before = model.get_weights()
    for method in refused_for_training(model, PAST, y):
        with pytest.raises(error, match=message):
            method()
    # The shape of validation data is checked after an epoch of training.
    if "target" not in message:
        assert_equal(before, model.get_weights())


def test_sample_weights_are_refused(model):
    for value in (np.nan, np.inf):
        weights = np.array([1.0, value])
        batch = PAST, FUTURE, weights
        given = {"sample_weight": weights, "verbose": 0}
        for method in (
            lambda given=given: model.fit(PAST, FUTURE, **given),
            lambda given=given: model.evaluate(PAST, FUTURE, **given),
            lambda b=batch: model.fit(PAST, FUTURE, validation_data=b),
            lambda b=batch: model.fit(Batches([b]), verbose=0),
        ):
            with pytest.raises(ValueError, match="`sample_weight`.*NaN or inf"):
                method()


def test_lists_are_read_as_arrays_and_a_dict_is_refused(model):
    given = model.predict(PAST.astype("float64").tolist(), verbose=0)
    assert_close(given, model.predict(PAST, verbose=0), atol=1e-6)
    with pytest.raises(ValueError, match="five dimensions"):
        model.fit({"frames": PAST}, FUTURE, verbose=0)


def test_a_mask_of_holes_does_not_hide_inf():
    model = tiny(missing="mask")
    model.predict(HOLES, verbose=0)
    both = with_pixel(PAST, np.inf)
    both[0, 0] = np.nan
    with pytest.raises(ValueError, match="infinite"):
        model.predict(both, verbose=0)


def test_limits(model):
    model.predict(1e6 * PAST, verbose=0)
    model.evaluate(255 * PAST, 255 * FUTURE, verbose=0)
    with pytest.raises(ValueError, match=r"65504\].*to 70000"):
        frames = np.where(PAST > 0.5, 7e4, PAST)
        tiny(dtype="mixed_float16").predict(frames, verbose=0)


def test_missing_pixels_of_a_target_are_legal():
    model = compiled(loss=FrameL1L2Loss())
    y = with_pixel(FUTURE, np.nan)
    y[0] = np.nan
    for data in ((PAST, y), (Batches([(PAST, y)]),)):
        loss = model.fit(*data, verbose=0).history["loss"]
        assert np.isfinite(loss).all()


@pytest.mark.parametrize("chosen", ["metrics", "weighted_metrics"])
def test_metrics_of_pixels_need_pixels(chosen):
    """Predictions are clipped to [0, 1], so other ground truth has no score."""
    model = tiny()
    model.compile("sgd", "mse", **{chosen: ["mae", metrics.MSE()]})
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"`y`.*\[0, 1\].*clip=False"):
            method(PAST, 255 * FUTURE, verbose=0)
    model.compile("sgd", "mse", **{chosen: [metrics.MSE(clip=False)]})
    given = model.evaluate(PAST, 255 * FUTURE, verbose=0)[1]
    error = 255.0 * FUTURE - model.predict(PAST, verbose=0)
    expected = (error**2).sum(axis=(2, 3, 4)).mean()
    assert given == pytest.approx(expected, rel=1e-5)


# === Data sets ===


@pytest.mark.parametrize("kind", BAD_FRAMES)
@pytest.mark.parametrize("form", ["PyDataset", "generator", "tf.data"])
def test_frames_of_a_data_set_are_refused(model, form, kind):
    frames, error, message = BAD_FRAMES[kind]
    batches = [(PAST, FUTURE), (frames, FUTURE)]
    for method in (model.fit, model.evaluate, model.predict):
        data = STREAMS[form](batches)
        with pytest.raises(error, match=message):
            method(data, verbose=0)
        if form == "generator":  # predict would read y as x
            break
    assert np.isfinite(model.predict(PAST, verbose=0)).all()
    assert model.optimizer.learning_rate > 0


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("part", ["x", "y"])
def test_a_bad_batch_changes_no_weight(model, states, form, part):
    """Earlier batches count; Keras decides which of them ran."""
    bad = with_pixel(PAST, np.inf), FUTURE
    if part == "y":
        bad = PAST, with_pixel(FUTURE, np.inf)
    batches = [(PAST, FUTURE)] * 4 + [bad]
    model.set_weights(START)
    with pytest.raises(ValueError, match="infinite values.*Received: 1"):
        model.fit(STREAMS[form](batches), shuffle=False, verbose=0)
    now = model.get_weights()
    distances = [
        max(np.abs(a - b).max() for a, b in zip(now, state, strict=True))
        for state in states
    ]
    assert min(distances) < 1e-5
    assert np.isfinite(model.predict(PAST, verbose=0)).all()


@pytest.mark.parametrize("form", STREAMS)
def test_good_data_sets_pass_and_bad_ones_are_refused(model, form):
    given = model.evaluate(STREAMS[form]([(PAST, FUTURE)] * 2), verbose=0)
    expected = model.evaluate(PAST, FUTURE, verbose=0)
    assert_close(given, expected, rtol=1e-5)
    if form == "generator":
        return
    data = STREAMS[form]([(PAST, FUTURE), (PAST, with_pixel(FUTURE, np.inf))])
    with pytest.raises(ValueError, match="`y`.*infinite values"):
        model.fit(PAST, FUTURE, validation_data=data, verbose=0)
    with pytest.raises(ValueError, match="`y`.*infinite values"):
        model.evaluate(data, verbose=0)
    # A forecast does not read the target.
    assert model.predict(data, verbose=0).shape == (4, *FUTURE.shape[1:])


def test_own_data_sets(model):
    data = Batches([(PAST, FUTURE)])
    model.fit(data, epochs=3, verbose=0)
    assert data.epochs >= 3

    class Broken(Batches):
        def __getitem__(self, index):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        model.fit(Broken([None]), verbose=0)

    class Mapped:
        def map(self, function):
            return list(map(function, [(with_pixel(PAST, np.inf), FUTURE)]))

    with pytest.raises(ValueError, match="infinite"):
        model.fit(Mapped(), verbose=0)


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="eager steps take a minute"
)
def test_every_epoch_has_every_batch_once_for_any_number_of_workers():
    seen = []

    def loss(target, prediction):
        seen.append(round(10 * float(numpy(target[:, -1]).mean())))
        return keras.ops.mean(target - prediction)

    numbers = [0, 1, 2, 3]
    batches = [(PAST, np.full_like(FUTURE, k / 10)) for k in numbers]
    data = Batches(batches, workers=3, max_queue_size=1)
    model = tiny()
    model.compile("sgd", loss=loss, run_eagerly=True)
    model.fit(data, epochs=2, shuffle=False, verbose=0)
    assert seen[-8:] == 2 * numbers
