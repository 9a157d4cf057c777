"""What is checked beside the frames of the past, and where."""

import keras
import numpy as np
import pytest

from msrnn_keras import metrics
from tests.reference import clips, numpy, tiny

PAST, FUTURE = clips(length=4), clips(length=3, seed=1)


def with_pixel(frames, value):
    changed = frames.copy()
    changed[1, 2, 3, 4] = value
    return changed


BAD = {
    "inf": (with_pixel(FUTURE, np.inf), ValueError, "`y`.*infinite"),
    "huge": (with_pixel(FUTURE, -1e30), ValueError, "`y`.*1e.30 to"),
    "integers": ((255 * FUTURE).astype("uint8"), TypeError, "`y`.*/ 255.*int8"),
    "bool": (FUTURE > 0.5, TypeError, "`y`.*Received: dtype=bool"),
    "complex": (FUTURE.astype("complex64"), TypeError, "`y`.*complex64"),
}
bad_targets = pytest.mark.parametrize("kind", BAD)


class Batches(keras.utils.PyDataset):
    def __init__(self, batches, **kwargs):
        super().__init__(**kwargs)
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def tf_data(batches):
    tf = pytest.importorskip("tensorflow")
    signature = tuple(
        tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in batches[-1]
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


def compiled(metrics=None, loss="mse", **options):
    model = tiny(**options)
    rate = keras.optimizers.SGD(0.1)
    model.compile(rate, loss=loss, metrics=metrics)
    return model


START = tiny().get_weights()


@pytest.fixture(scope="module")
def model():
    return compiled()


@pytest.fixture(scope="module")
def states(model):
    """The weights after 0, 1, 2, 3 and 4 good batches."""
    model.set_weights(START)
    states = [START]
    for _ in range(4):
        model.train_on_batch(PAST, FUTURE)
        states.append(model.get_weights())
    return states


@bad_targets
def test_targets_are_refused(model, kind):
    y, error, message = BAD[kind]
    before = [numpy(w) for w in model.weights]
    for method in (
        lambda: model.fit(PAST, y, verbose=0),
        lambda: model.fit(PAST, y=y, verbose=0),
        lambda: model.fit(PAST, FUTURE, validation_data=(PAST, y), verbose=0),
        lambda: model.evaluate(PAST, y, verbose=0),
        lambda: model.train_on_batch(PAST, y),
        lambda: model.test_on_batch(PAST, y),
    ):
        with pytest.raises(error, match=message):
            method()
    for weight, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), old)


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("part", ["x", "y"])
def test_a_bad_batch_changes_no_weight(model, states, form, part):
    """What earlier batches did remains; which of them ran, Keras decides."""
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


@pytest.mark.parametrize("form", sorted(set(STREAMS) - {"generator"}))
def test_validation_streams_are_checked(model, form):
    batches = [(PAST, FUTURE), (PAST, with_pixel(FUTURE, np.inf))]
    data = STREAMS[form](batches)
    with pytest.raises(ValueError, match="`y`.*infinite values"):
        model.fit(PAST, FUTURE, validation_data=data, verbose=0)
    with pytest.raises(ValueError, match="`y`.*infinite values"):
        model.evaluate(data, verbose=0)
    # Of a forecast the target does not matter.
    assert model.predict(data, verbose=0).shape == (4, *FUTURE.shape[1:])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_sample_weights_are_refused(model, value):
    weights = np.array([1.0, value])
    batch = PAST, FUTURE, weights
    for method in (
        lambda: model.fit(PAST, FUTURE, sample_weight=weights, verbose=0),
        lambda: model.evaluate(PAST, FUTURE, sample_weight=weights, verbose=0),
        lambda: model.fit(PAST, FUTURE, validation_data=batch, verbose=0),
        lambda: model.fit(Batches([batch]), verbose=0),
    ):
        with pytest.raises(ValueError, match="`sample_weight`.*NaN or inf"):
            method()


def test_missing_pixels_of_a_target_stay_legal():
    from msrnn_keras.losses import FrameL1L2Loss

    model = compiled(loss=FrameL1L2Loss())
    y = with_pixel(FUTURE, np.nan)
    y[0] = np.nan
    for data in ((PAST, y), (Batches([(PAST, y)]),)):
        loss = model.fit(*data, verbose=0).history["loss"]
        assert np.isfinite(loss).all()


def test_a_data_set_with_a_map_is_checked(model):
    class Mapped:
        def map(self, function):
            return list(map(function, [(with_pixel(PAST, np.inf), FUTURE)]))

    with pytest.raises(ValueError, match="infinite"):
        model.fit(Mapped(), verbose=0)


def test_what_is_no_data_is_refused(model):
    with pytest.raises(ValueError, match="five dimensions"):
        model.fit({"frames": PAST}, FUTURE, verbose=0)


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_of_pixels_need_pixels(weighted):
    """Predictions are clipped to [0, 1], so other truth has no score."""
    model = tiny()
    chosen = "weighted_metrics" if weighted else "metrics"
    model.compile("sgd", "mse", **{chosen: ["mae", metrics.MSE()]})
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"`y`.*\[0, 1\].*clip=False"):
            method(PAST, 255 * FUTURE, verbose=0)
    model.compile("sgd", "mse", **{chosen: [metrics.MSE(clip=False)]})
    given = model.evaluate(PAST, 255 * FUTURE, verbose=0)[1]
    error = 255.0 * FUTURE - model.predict(PAST, verbose=0)
    expected = (error**2).sum(axis=(2, 3, 4)).mean()
    assert given == pytest.approx(expected, rel=1e-5)
