import keras
import pytest

import msrnn_keras
from msrnn_keras.models.transfer import transfer_weights
from tests.reference import assert_close, assert_equal, clips

SIZES = {"image_shape": (8, 8, 1), "filters": 5, "scales": (1, 2, 1)}


def make(seed, cell="predrnn", **kwargs):
    keras.utils.set_random_seed(seed)
    return msrnn_keras.MSStack(cell, **{**SIZES, **kwargs})


@pytest.mark.parametrize("patch_size", [1, 2])
def test_a_masked_model_begins_as_the_old_one(patch_size):
    past = clips(2, 3, (8, 8))
    old = make(1, patch_size=patch_size)
    new = make(2, patch_size=patch_size, missing="mask", horizon=4)
    assert transfer_weights(old, new) == []
    assert_close(
        new.forecast(past, horizon=4), old.forecast(past, horizon=4), atol=1e-5
    )


@pytest.mark.backend_free
def test_what_does_not_fit_is_named_and_kept():
    old, new = make(1), make(2, image_shape=(8, 8, 3))
    before = {weight.path: weight.numpy() for weight in new.weights}
    fresh = transfer_weights(old, new)
    assert sorted(fresh) == ["embed/kernel", "head/bias", "head/kernel"]
    of_old = {weight.path: weight.numpy() for weight in old.weights}
    for weight in new.weights:
        kept = before if weight.path in fresh else of_old
        assert_equal(weight.numpy(), kept[weight.path])


@pytest.mark.backend_free
def test_models_without_a_weight_in_common():
    with pytest.raises(ValueError, match="Received: ms-convlstm and"):
        transfer_weights(
            msrnn_keras.create("ms-convlstm", filters=2),
            msrnn_keras.create("ms-mk-lstm", filters=3),
        )
