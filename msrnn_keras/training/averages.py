"""Averaged weights, in the model for as long as they are wanted."""

import keras


class Averages:
    """The exponential moving averages that a model's optimizer keeps.

    Within `with averages:` the model has the averaged weights, and then its
    own again, to the last bit. Nothing happens without `use_ema`.

    Keras itself puts the averages into the model at the end of every `fit`;
    `keep` before and `bring_back` after it undo that.

    Args:
        model: Compiled `keras.Model`.

    Example:
    >>> with Averages(model):
    ...     model.save_weights("best.weights.h5")
    """

    def __init__(self, model):
        self.model = model
        optimizer = model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        self.used = optimizer.use_ema
        self._own = None

    def __enter__(self):
        self.keep()
        if self.used:
            variables = self.model.trainable_variables
            self.model.optimizer.finalize_variable_values(variables)
            # Copies: JAX deletes what a model evaluates with.
            _assign(variables, _copies(variables))
        return self

    def __exit__(self, *_):
        self.bring_back()

    def keep(self):
        """Remember the model's own weights."""
        if self.used:
            self._own = _copies(self.model.trainable_variables)

    def forget(self):
        """Remember nothing."""
        self._own = None

    def bring_back(self):
        """Give the model the weights that were remembered, if any."""
        own, self._own = self._own, None
        if own is not None:
            _assign(self.model.trainable_variables, own)


def _copies(variables):
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
