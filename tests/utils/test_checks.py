import keras
import numpy as np
import pytest

from msrnn_keras.utils.checks import (
    check_even,
    check_finite,
    check_limit,
    check_multiple,
    check_positive,
    filled,
)
from tests.reference import clips, tiny

PAST, FUTURE = clips(length=4), clips(length=3)
HOLES = PAST.copy()
HOLES[1, 2, 3, 4] = np.nan
INFINITE, HUGE = (np.where(np.isnan(HOLES), v, HOLES) for v in (-np.inf, 1e30))
BAD = {
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
    "nan": (HOLES, ValueError, r"numpy.nan_to_num.*Received: "),
    "inf": (INFINITE, ValueError, r"infinite.*\(inf\).*Received: 1 infinite"),
    "huge": (
        HUGE,
        ValueError,
        r"1e\+06\].*/ 255.*Received: values .* to 1e\+30",
    ),
    "empty": (PAST[:, :0], ValueError, "at least one frame.*Received: "),
}
bad_frames = pytest.mark.parametrize("kind", BAD)


class Batches(keras.utils.PyDataset):
    def __init__(self, *batches):
        super().__init__()
        self.batches = batches
        self.epochs = 0

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]

    def on_epoch_end(self):
        self.epochs += 1


def streams(x):
    """The batch (x, y), after good ones, in every form but an array."""
    batches = [(PAST, FUTURE), (x, FUTURE)]
    yield "PyDataset", Batches(*batches)
    yield "generator", (batch for batch in batches)
    try:
        import tensorflow as tf
    except ImportError:
        return
    if x.shape != PAST.shape or x.dtype != PAST.dtype:
        yield "tf.data", tf.data.Dataset.from_tensors((x, FUTURE))
        return
    signature = tuple(
        tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in (x, FUTURE)
    )
    yield (
        "tf.data",
        tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=signature
        ),
    )


@pytest.fixture(scope="module")
def model():
    model = tiny()
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    return model


@bad_frames
def test_arrays_are_refused(model, kind):
    frames, error, message = BAD[kind]
    for method in (
        lambda: model.predict(frames, verbose=0),
        lambda: model.fit(frames, FUTURE, verbose=0),
        lambda: model.evaluate(frames, FUTURE, verbose=0),
        lambda: model.forecast(frames),
        lambda: model.predict_all(frames),
        lambda: model.decoupling_distances(frames),
        lambda: model.train_on_batch(frames, FUTURE),
        lambda: model.test_on_batch(frames, FUTURE),
        lambda: model.fit(
            PAST, FUTURE, validation_data=(frames, FUTURE), verbose=0
        ),
    ):
        with pytest.raises(error, match=message):
            method()


@pytest.mark.parametrize("kind", sorted(set(BAD) - {"nan", "inf", "huge"}))
def test_a_call_is_refused(model, kind):
    frames, error, message = BAD[kind]
    with pytest.raises(error, match=message):
        model(frames)


@bad_frames
def test_streams_are_refused_and_the_model_stays_whole(model, kind):
    frames, error, message = BAD[kind]
    expected = model.predict(PAST, verbose=0)
    for name, data in streams(frames):
        with pytest.raises(error, match=message):
            model.fit(data, verbose=0)
        if name != "generator":
            with pytest.raises(error, match=message):
                model.evaluate(data, verbose=0)
            with pytest.raises(error, match=message):
                model.predict(data, verbose=0)
    np.testing.assert_array_equal(model.predict(PAST, verbose=0), expected)
    assert model.optimizer.learning_rate == 0.0


def test_good_streams_pass(model):
    expected = model.evaluate(PAST, FUTURE, verbose=0)
    for _, data in streams(PAST):
        given = model.evaluate(data, verbose=0)
        np.testing.assert_allclose(given, expected, rtol=1e-5)


def test_a_checked_data_set_still_learns_of_its_epochs(model):
    data = Batches((PAST, FUTURE))
    model.fit(data, epochs=3, verbose=0)
    assert data.epochs >= 3


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="eager steps take a minute"
)
def test_every_epoch_has_every_batch_once_for_any_number_of_workers():
    seen = []

    def loss(target, prediction):
        seen.append(round(10 * float(keras.ops.mean(target[:, -1]))))
        return keras.ops.mean(target - prediction)

    numbers = [0, 1, 2, 3]
    data = Batches(*((PAST, np.full_like(FUTURE, k / 10)) for k in numbers))
    data.workers, data.max_queue_size = 3, 1
    model = tiny()
    model.compile("sgd", loss=loss, run_eagerly=True)
    model.fit(data, epochs=2, shuffle=False, verbose=0)
    assert seen[-8:] == 2 * numbers


def test_lists_are_read_as_arrays(model):
    given = model.predict(PAST.astype("float64").tolist(), verbose=0)
    np.testing.assert_allclose(given, model.predict(PAST, verbose=0), atol=1e-6)


def test_other_errors_pass_unchanged(model):
    class Broken(Batches):
        def __getitem__(self, index):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        model.fit(Broken(None), verbose=0)


@pytest.mark.parametrize("kind", ["inf", "huge", "nan", "integers"])
def test_a_stream_refuses_them_and_stays(model, kind):
    frames, error, message = BAD[kind]
    stream = model.stream().update(PAST[:, 0])
    expected = stream.forecast(2)
    with pytest.raises(error, match=message):
        stream.update(frames[:, 2])
    np.testing.assert_array_equal(stream.forecast(2), expected)


def test_a_mask_of_holes_does_not_hide_inf():
    model = tiny(missing="mask")
    model.predict(HOLES, verbose=0)
    both = np.where(np.isnan(INFINITE), 0, INFINITE)
    both[0, 0] = np.nan
    with pytest.raises(ValueError, match="infinite"):
        model.predict(both, verbose=0)


def test_float16_takes_what_it_can_hold():
    model = tiny(dtype="mixed_float16")
    with pytest.raises(ValueError, match=r"65504\].*to 70000"):
        model.predict(np.where(PAST > 0.5, 7e4, PAST), verbose=0)


def test_any_finite_scale_is_taken(model):
    model.predict(1e6 * PAST, verbose=0)
    model.evaluate(255 * PAST, 255 * FUTURE, verbose=0)


@pytest.mark.backend_free
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, "1", None, True])
def test_check_finite(value):
    check_finite("threshold", np.float32(0.5))
    with pytest.raises(ValueError, match="`threshold` must.*Received: thr"):
        check_finite("threshold", value)


@pytest.mark.backend_free
def test_filled():
    values = np.ma.masked_greater(np.array([0.5, 1e20], "float32"), 1e6)
    for array in (values, [values, values]):
        given = filled(array)
        assert type(given) is np.ndarray and given.dtype == "float32"
        row = given if given.ndim == 1 else given[1]
        np.testing.assert_array_equal(row, np.float32([0.5, np.nan]))
    assert values.data[1] == np.float32(1e20)  # the user's stays
    plain = np.zeros(3)
    assert filled(plain) is plain
    with pytest.raises(TypeError, match="masked.*Received: dtype=uint8"):
        filled(np.ma.masked_equal(np.zeros(3, "uint8"), 0))


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", None, True])
def test_check_positive(value):
    check_positive("size", 1)
    with pytest.raises(ValueError, match="`size` must.*Received: size="):
        check_positive("size", value)


@pytest.mark.backend_free
@pytest.mark.parametrize("value", [0, -1, 9, np.nan, np.inf, True, "8", None])
def test_refuses_a_limit(value):
    check_limit("limit", 8, 8, "float16")
    with pytest.raises(ValueError, match="Received: limit="):
        check_limit("limit", value, 8, "float16")


@pytest.mark.backend_free
def test_refuses_what_does_not_divide_and_odd_maps():
    check_multiple("filters", 8, 4)
    with pytest.raises(ValueError, match="4 must.*Received: filters=6"):
        check_multiple("filters", 6, 4)
    check_even((1, None, 4, 3))
    with pytest.raises(ValueError, match=r"even.*Received: shape=\(1, 5, 4"):
        check_even((1, 5, 4, 3))
