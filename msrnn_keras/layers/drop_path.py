"""Stochastic depth."""

import keras
from keras import ops

from msrnn_keras.backend.precision import like


@keras.saving.register_keras_serializable(package="msrnn_keras")
class DropPath(keras.layers.Layer):
    """Drops the whole branch of a sample in training, at random.

    A branch that is kept is divided by the probability to keep it. Inference
    keeps all branches.

    Args:
        rate: Float in [0, 1), the probability that a sample's branch is zero.
        seed: Integer, of the random draws. None takes a new one.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If the rate is out of its range.

    Example:
    >>> DropPath(0.5)(keras.ops.ones((1, 1, 1, 1)), training=False).shape
    (1, 1, 1, 1)

    Reference:
        Huang et al., Deep Networks with Stochastic Depth, 2016,
        arXiv:1603.09382.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be in [0, 1). Received: rate={rate}")
        self.rate, self.seed = rate, seed
        # Without random draws too, so that files do not depend on the rate.
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=None):
        factors = self.factors(x, training)
        return x if factors is None else x * factors

    def factors(self, x, training):
        """Return a factor for each sample, or None if all are kept."""
        if not training or not self.rate:
            return None
        keep = 1 - self.rate
        shape = (ops.shape(x)[0], *[1] * (len(x.shape) - 1))
        drawn = keras.random.uniform(
            shape, dtype="float32", seed=self.seed_generator
        )
        return like(ops.cast(drawn < keep, "float32") / keep, x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        options = {"rate": self.rate, "seed": self.seed}
        return {**super().get_config(), **options}
