import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from msrnn_keras.losses import FrameL1L2Loss
from tests.models.forecasters import MAKERS
from tests.reference import assert_close, assert_equal, clips, numpy, short

PAST, FUTURE = clips(length=4), clips(length=3, seed=1)


def with_pixel(frames, value):
    changed = frames.copy()
    changed[1, 2, 3, 4] = value
    return changed


HOLES = with_pixel(PAST, np.nan)
# Message -> what is refused, with a TypeError if it is about the dtype.
BAD_FRAMES = {
    "expand_dims.*Received: shape=": PAST[..., 0],
    r"1 channel\(s\).*Received: shape=": np.concatenate([PAST, PAST], -1),
    r"astype\('float32'\) / 255.*Received: dtype=uint8": np.uint8(255 * PAST),
    "at least one frame.*Received: ": PAST[:, :0],
}
BAD_PIXELS = {
    "numpy.nan_to_num.*Received: ": HOLES,
    r"infinite.*\(inf\).*Received: 1 infinite": with_pixel(PAST, -np.inf),
    r"1e\+06\].*/ 255.*Received: .* to 1e\+30": with_pixel(PAST, 1e30),
}
BAD_TARGETS = {
    "`y`.*infinite": with_pixel(FUTURE, np.inf),
    "`y`.*1e.30 to": with_pixel(FUTURE, -1e30),
    "`y`.*/ 255.*dtype=uint8": np.uint8(255 * FUTURE),
    "`y`.*Received: dtype=bool": FUTURE > 0.5,
    r"target.*, 3, 16.*Received: y.shape=\(2, 2": FUTURE[:, :2],
    r"target.*Received: y.shape=\(2, 3, 8": FUTURE[:, :, :8],
}


def refused(message):
    error = TypeError if "dtype" in message else ValueError
    return pytest.raises(error, match=message)


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


def compiled(make=short, metrics=None, loss="mse", **options):
    model = make(**options)
    model.compile(keras.optimizers.SGD(0.1), loss=loss, metrics=metrics)
    return model


START = short().get_weights()


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
    batch = x, y
    return [
        lambda: model.fit(x, y=y, verbose=0),
        lambda: model.fit(PAST, FUTURE, validation_data=batch, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.train_on_batch(x, y),
        lambda: model.test_on_batch(x, y),
    ]


def test_frames_are_refused(every_model):
    model, before = every_model, every_model.get_weights()
    for message, frames in {**BAD_FRAMES, **BAD_PIXELS}.items():
        methods = [
            *refused_for_training(model, frames, FUTURE),
            lambda x=frames: model.predict(x, verbose=0),
            lambda x=frames: model.forecast(x),
        ]
        if model.has_states:
            methods.append(lambda x=frames: model.predict_all(x))
            methods.append(lambda x=frames: model.decoupling_distances(x))
        if message in BAD_FRAMES:
            methods.append(lambda x=frames: model(x))
        for method in methods:
            with refused(message):
                method()
    assert_equal(before, model.get_weights())


def test_targets_are_refused(every_model):
    model, before = every_model, every_model.get_weights()
    for message, y in BAD_TARGETS.items():
        for method in refused_for_training(model, PAST, y):
            with refused(message):
                method()
    assert_equal(before, model.get_weights())


@pytest.mark.backend_free
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


@pytest.mark.backend_free
def test_lists_are_read_a_dict_and_no_target_are_refused(model):
    given = model.predict(PAST.astype("float64").tolist(), verbose=0)
    assert_close(given, model.predict(PAST, verbose=0), atol=1e-6)
    with pytest.raises(ValueError, match="five dimensions"):
        model.fit({"frames": PAST}, FUTURE, verbose=0)
    with refused("target.*Received: y.shape"):
        model.fit(PAST, None, verbose=0)


@pytest.mark.backend_free
def test_limits(model):
    masked = short(missing="mask")
    masked.predict(HOLES, verbose=0)
    both = with_pixel(PAST, np.inf)
    both[0, 0] = np.nan
    with pytest.raises(ValueError, match="infinite"):
        masked.predict(both, verbose=0)
    model.predict(1e6 * PAST, verbose=0)
    model.evaluate(255 * PAST, 255 * FUTURE, verbose=0)
    with pytest.raises(ValueError, match=r"65504\].*to 70000"):
        frames = np.where(PAST > 0.5, 7e4, PAST)
        short(dtype="mixed_float16").predict(frames, verbose=0)


def test_missing_pixels_of_a_target_are_legal():
    model = compiled(loss=FrameL1L2Loss())
    y = with_pixel(FUTURE, np.nan)
    y[0] = np.nan
    for data in ((PAST, y), (Batches([(PAST, y)]),)):
        loss = model.fit(*data, verbose=0).history["loss"]
        assert np.isfinite(loss).all()


@pytest.mark.backend_free
@pytest.mark.parametrize("chosen", ["metrics", "weighted_metrics"])
def test_metrics_of_pixels_need_pixels(chosen):
    model = short()
    model.compile("sgd", "mse", **{chosen: ["mae", metrics.MSE()]})
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"`y`.*\[0, 1\].*clip=False"):
            method(PAST, 255 * FUTURE, verbose=0)
    model.compile("sgd", "mse", **{chosen: [metrics.MSE(clip=False)]})
    given = model.evaluate(PAST, 255 * FUTURE, verbose=0)[1]
    error = 255.0 * FUTURE - model.predict(PAST, verbose=0)
    expected = (error**2).sum(axis=(2, 3, 4)).mean()
    assert given == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("form", STREAMS)
def test_a_bad_batch_changes_no_weight(model, states, form):
    """Earlier batches count; Keras decides which of them ran."""
    for bad in (
        (with_pixel(PAST, np.inf), FUTURE),
        (PAST, with_pixel(FUTURE, np.inf)),
    ):
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
    for method, given in (
        (model.fit, {"x": PAST, "y": FUTURE, "validation_data": data}),
        (model.evaluate, {"x": data}),
    ):
        with pytest.raises(ValueError, match="`y`.*infinite values"):
            method(**given, verbose=0)
    holed = STREAMS[form]([(HOLES, FUTURE)])
    with pytest.raises(ValueError, match="numpy.nan_to_num"):
        model.predict(holed, verbose=0)
    # A forecast does not read the target.
    assert model.predict(data, verbose=0).shape == (4, *FUTURE.shape[1:])


@pytest.mark.backend_free
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


@pytest.mark.backend_free
def test_every_epoch_has_every_batch_once_for_any_number_of_workers():
    seen = []

    def loss(target, prediction):
        seen.append(round(10 * float(numpy(target[:, -1]).mean())))
        return keras.ops.mean(target - prediction)

    numbers = [0, 1, 2, 3]
    batches = [(PAST, np.full_like(FUTURE, k / 10)) for k in numbers]
    data = Batches(batches, workers=3, max_queue_size=1)
    model = short()
    model.compile("sgd", loss=loss, run_eagerly=True)
    model.fit(data, epochs=2, shuffle=False, verbose=0)
    assert seen[-8:] == 2 * numbers
