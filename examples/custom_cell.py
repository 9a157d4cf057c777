# %% [markdown]
"""A recurrent cell of your own, plain and multi-scale.

    python -m examples.custom_cell

This example defines a cell, builds a plain and a multi-scale stack of it,
trains both on Moving MNIST for the same number of steps, scores them, saves
the multi-scale model and loads it again. The digits come with the package.
"""

# %%
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from msrnn_keras import ConvRNNCell, MSStack, data, losses, plots
from msrnn_keras.baselines import Zeros
from msrnn_keras.evaluation import evaluate, score_table
from msrnn_keras.models.architectures import MULTI_SCALE, PLAIN

SIZES = {"filters": 24, "patch_size": 4, "context": 10, "horizon": 10}
STEPS = 50
BATCH = 8
TEST_CLIPS = 64

# %% [markdown]
# ## The cell
#
# A cell names its states, makes its convolutions, which say what they read,
# and advances by one step. It is registered, so that Keras finds it when it
# loads a file. Import this module before you load one.


# %%
class State(NamedTuple):
    h: Any  # hidden state, the output


@keras.saving.register_keras_serializable(package="examples")
class MinimalCell(ConvRNNCell):
    """Convolutional minimal gated unit.

        [f, n]_x = W_x * x
        [f, n]_h = W_h * h
        f = sigmoid(f_x + f_h)
        n = tanh(n_x + f n_h)
        h' = (1 - f) h + f n

    `*` is a 'same' convolution; biases are left out.

    Reference:
        Zhou et al., "Minimal Gated Unit for Recurrent Neural Networks", 2016,
        arXiv:1603.09420; here with convolutions, and the gate after W_h.
    """

    State = State

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        # Gates in the order f, n.
        gates = 2 * filters
        self.x_to_gates = self.conv(gates, name="x_to_gates", reads="x")
        self.h_to_gates = self.conv(gates, name="h_to_gates", reads="h")

    def step(self, x, states):
        f_x, n_x = ops.split(self.x_to_gates(x), 2, axis=-1)
        f_h, n_h = ops.split(self.h_to_gates(states.h), 2, axis=-1)
        f = ops.sigmoid(f_x + f_h)
        n = ops.tanh(n_x + f * n_h)
        h = (1 - f) * states.h + f * n
        return h, State(h), {}


# %% [markdown]
# ## Plain and multi-scale


# %%
def clips(split, num_clips):
    return data.MovingMNIST(
        split,
        num_clips,
        BATCH,
        context=SIZES["context"],
        horizon=SIZES["horizon"],
        digits=data.sample_digits(split),
    )


def train(scales, steps):
    """Train a stack of the cell for some steps."""
    keras.utils.set_random_seed(1)
    model = MSStack(MinimalCell, scales=scales, **SIZES)
    model.compile(keras.optimizers.Adam(1e-3), loss=losses.FrameL1L2Loss())
    model.fit(clips("train", steps * BATCH), shuffle=False)
    return model


def compare(steps):
    """Return both models, and their scores beside those of black frames."""
    models = {
        "plain": train(PLAIN, steps),
        "multi-scale": train(MULTI_SCALE, steps),
    }
    black = Zeros(SIZES["context"], SIZES["horizon"])
    test = clips("test", TEST_CLIPS)
    scores = {
        name: evaluate(model, test)
        for name, model in {**models, "all black": black}.items()
    }
    return models, scores


def save_and_load(model, path):
    """Save a model, load it and check that the forecasts are the same."""
    model.save(path)
    loaded = keras.saving.load_model(path)
    past, _ = clips("test", 2)[0]
    np.testing.assert_allclose(
        loaded.predict(past), model.predict(past), atol=1e-5
    )
    return loaded


def draw(models, path):
    """Plot the truth and the forecasts of one clip."""
    past, future = clips("test", 1)[0]
    forecasts = {name: model.predict(past)[0] for name, model in models.items()}
    plots.plot_forecast(past[0], future[0], forecasts).savefig(path)


# %% tags=["active-ipynb"]
# models, scores = compare(STEPS)
# print(score_table(scores))

# %% tags=["active-ipynb"]
# from IPython.display import Image
#
# draw(models, "custom_cell.png")
# Image("custom_cell.png")

# %% tags=["active-ipynb"]
# loaded = save_and_load(models["multi-scale"], "custom_cell.keras")


# %% tags=["active-py"]
def main(arguments=None):
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", default="custom_cell.keras", help="the model")
    options = parser.parse_args(arguments)
    models, scores = compare(options.steps)
    print(score_table(scores))
    save_and_load(models["multi-scale"], options.out)
    print(f"Wrote {options.out}; loaded again, it forecasts the same.")


if __name__ == "__main__":
    main()
