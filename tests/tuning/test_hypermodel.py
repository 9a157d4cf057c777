import math

import keras
import keras_tuner
import numpy as np
import pytest

from msrnn_keras import ScheduledSampling, data, losses, tuning
from tests.tuning.searches import clips, space

pytestmark = pytest.mark.backend_free


def built(hypermodel, **values):
    hp = keras_tuner.HyperParameters()
    hypermodel.build(hp)
    assert set(values) <= set(hp.values)
    hp.values.update(values)
    return hypermodel.build(hp), hp


def test_model_has_the_chosen_values_and_seed():
    sizes = {"filters": 4, "kernel_size": 5, "patch_size": 2}
    chosen = {**sizes, "cell": "trajgru", "skips": "fc"}
    fixed = {"missing": "mask", "links": 2, "warmup": False}
    hypermodel = space(
        cell=("convlstm", "trajgru"),
        **{name: (1, value) for name, value in sizes.items()},
        scales=((1, 1), (1, 2, 1)),
        skips=("none", "fc"),
        sampling=("none", "reverse"),
        sampling_steps=7,
        clipnorm=0.5,
        dtype="float64",
        **fixed,
    )
    drawn = {"scales": "1,2,1", "sampling": "reverse 7", "learning_rate": 0.05}
    model, _ = built(hypermodel, **chosen, **drawn)
    config = model.get_config()
    expected = {"image_shape": (8, 8, 1), "context": 2, "horizon": 2}
    expected |= {"name": "ms-trajgru", "scales": (1, 2, 1), **chosen, **fixed}
    assert {name: config[name] for name in expected} == expected
    sampling = ScheduledSampling.reverse(7)
    assert model.sampling.get_config() == sampling.get_config()
    assert model.dtype_policy.name == "float64"
    assert isinstance(model.loss, losses.FrameL1L2Loss)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)
    assert model.optimizer.clipnorm == 0.5
    # The arguments of another cell are left out.
    plain, _ = built(hypermodel)
    assert plain.name == "convlstm" and plain.sampling is None
    assert plain.cell_options == {}
    one, _ = built(space(filters=2))
    same, _ = built(space(filters=2), learning_rate=0.1)
    other, _ = built(space(filters=2, seed=4))
    for a, b, c in zip(one.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.ptp(a) == 0 or not np.array_equal(a, c)


def test_fit_uses_the_chosen_batch_size():
    hypermodel = space(batch_size=(1, 3))
    model, hp = built(hypermodel, batch_size=3)
    x, y = clips(count=4)
    history = hypermodel.fit(hp, model, x, y, epochs=2, verbose=0)
    assert history.params["steps"] == math.ceil(4 / 3)
    assert history.history["epochs"] == [2, 2]
    assert history.history["parameters"] == [model.count_params()] * 2
    stream = data.Clips(data.from_arrays(y[:, 0]), 2, 2)
    with pytest.raises(ValueError, match="only if x is an array. Received"):
        hypermodel.fit(hp, model, stream)
    # It starts at the same epoch of the data.
    frames = data.from_arrays(np.concatenate([*x]))
    train = data.Clips(frames, 2, 2, 2, shuffle=True)
    hypermodel, losses = space(filters=2), []
    for _ in range(2):
        model, hp = built(hypermodel)
        history = hypermodel.fit(hp, model, train, epochs=2, verbose=0)
        losses.append(history.history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_space_has_every_value_or_is_refused():
    hypermodel = space(
        cell=("PredRNN", "convlstm"),
        scales=((1, 2, 1), [1, 1]),
        sampling=("none", "linear", "reverse"),
        sampling_steps=(5, 6),
        batch_size=(2, 4),
        filters=3,
    )
    hp = keras_tuner.HyperParameters()
    hypermodel.build(hp)
    assert hypermodel.dimensions == 5
    *choices, rate = hp.space
    assert {choice.name: choice.values for choice in choices} == {
        "cell": ["predrnn", "convlstm"],
        "scales": ["1,2,1", "1,1"],
        "sampling": ["none", "linear 5", "linear 6", "reverse 5", "reverse 6"],
        **{"filters": [3], "kernel_size": [1], "batch_size": [2, 4]},
        **{"skips": ["none"], "patch_size": [4]},
    }
    assert (rate.name, rate.sampling) == ("learning_rate", "log")
    assert (rate.min_value, rate.max_value) == (1e-3, 1e-1)
    for name, value, message in (
        ("cell", (), "`cell` needs at least one value"),
        ("cell", "convlsm", "Received: 'convlsm'"),
        ("filters", (8, 0), "Received: filters=0"),
        ("scales", "1,2,1", "Received: scales='1,2,1'"),
        ("scales", (1, 2), r"backwards.* Received: scales=\(1, 2\)"),
        ("scales", ((1, 0, 1),), "Received: scales=0"),
        ("skips", "unet", "Received: skips='unet'"),
        ("learning_rate", (1, 0.1), r"Received: learning_rate=\(1, 0.1\)"),
        ("sampling", "cosine", "Received: sampling='cosine'"),
        ("clipnorm", 0, "Received: clipnorm=0"),
        ("links", 3, "Neither MSStack nor convlstm .* Received: links"),
    ):
        with pytest.raises(ValueError, match=message):
            space(**{name: value})


def test_space_of_simvp():
    hypermodel = tuning.SimVPHyperModel(
        model=("tau", "simvp"),
        filters=4,
        translator_filters=(16, 32),
        spatial_layers=2,
        translator_blocks=2,
        image_shape=(8, 8, 1),
        context=2,
        horizon=2,
    )
    values = {"model": "simvp", "translator_filters": 32}
    model, hp = built(hypermodel, **values)
    assert model.translator == "inception" and model.translator_filters == 32
    assert hypermodel.dimensions == 3
    x, y = clips(2)
    history = hypermodel.fit(hp, model, x[:, :2], y, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    with pytest.raises(ValueError, match="Received: "):
        tuning.SimVPHyperModel(model="convlstm")
