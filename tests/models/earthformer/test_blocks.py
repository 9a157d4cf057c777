import keras
import numpy as np
import pytest

from msrnn_keras.models.earthformer.blocks import SelfBlock
from tests.reference import assert_close, numpy

X = np.random.default_rng(0).normal(size=(2, 2, 3, 3, 4)).astype("float32")


def trained(remat, rate=0.5):
    """Losses and weights of a block of one feed-forward network."""
    keras.utils.set_random_seed(1)
    block = SelfBlock([], 4, {"drop": rate}, False, None, remat)
    model = keras.Sequential([keras.Input(X.shape[1:]), block])
    model.compile(keras.optimizers.SGD(0.1), loss="mse")
    for layer in model._flatten_layers():
        if hasattr(layer, "seed_generator"):
            state = layer.seed_generator.state
            state.assign(np.array([7, 0], "uint32").astype(state.dtype))
    losses = [float(model.train_on_batch(X, 0 * X)) for _ in range(3)]
    return losses, [numpy(w) for w in model.trainable_variables]


def test_dropout_draws_the_same_when_a_block_is_computed_again():
    plain, again = trained(None), trained("layer")
    assert_close(again[0], plain[0], rtol=1e-5)
    assert_close(again[1], plain[1], rtol=1e-4, atol=1e-6)
    assert plain[0] != pytest.approx(trained(None, 0.0)[0], rel=1e-3)
