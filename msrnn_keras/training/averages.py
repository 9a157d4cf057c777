"""Exponential moving averages of the weights."""

import keras


class Averages:
    """Context in which a model has its averaged weights, if it keeps them."""

    # Keras leaves the averages in the model at the end of every `fit`. `keep`
    # before and `restore` after it undo that, unlike Keras' `SwapEMAWeights`.

    def __init__(self, model):
        self.model = model
        inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        self.used = inner.use_ema
        self.own = None

    def __enter__(self):
        self.keep()
        if self.used:
            variables = self.model.trainable_variables
            self.model.optimizer.finalize_variable_values(variables)
            # JAX deletes the arrays that a model evaluates with: copy them.
            _assign(variables, _copies(variables))
        return self

    def __exit__(self, *_):
        self.restore()

    def keep(self):
        """Remember the model's own weights."""
        if self.used:
            self.own = _copies(self.model.trainable_variables)

    def restore(self):
        """Give the model the remembered weights, if any."""
        own, self.own = self.own, None
        if own is not None:
            _assign(self.model.trainable_variables, own)


def _copies(variables):
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
