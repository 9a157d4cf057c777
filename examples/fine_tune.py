# %% [markdown]
"""Fine-tune a preset on other data, and for another frame shape.

    python -m examples.fine_tune
    python -m examples.fine_tune --data mnist.npz --steps 100

The first part trains a preset for two digits on three digits that move faster,
beside the same model from scratch. The second part moves its weights into a
model of another size, number of channels and horizon: weights that fit are
kept, the others are initialized anew and listed. The digits are those in the
package, or with `--data` those of an `mnist.npz` file.

Measured with `--data mnist.npz` on TensorFlow, 2 cores of an AMD EPYC
(AVX-512), revision 2 of the preset, 64 test clips: the MSE of the forecast was
289.9 before and 216.5 after 50 steps of 8 clips, which took 25 s, compilation
included. The same steps from scratch gave 248.8, zeros 260.4. The second part
needs more steps: after 50, both models forecast black frames (276).
"""

# %%
import textwrap
import time

import keras
import numpy as np

import zoo
from msrnn_keras import MSStack, data, losses, plots, transfer_weights
from msrnn_keras.baselines import Zeros
from msrnn_keras.evaluation import evaluate, score_table

SHIFT = {"num_digits": 3, "speed": 0.15}  # the preset: 2 and 0.1
SHAPE = {"image_shape": (48, 80, 3), "context": 6, "horizon": 12}
STEPS = 50
BATCH = 8
RATE = 1e-3  # the maximum
TEST_CLIPS = 64


# %% [markdown]
# ## Three digits, faster


# %%
def digits(split, path=None):
    """Return the digits in the package, or those of an `mnist.npz` file."""
    if path is None:
        return data.sample_digits(split)
    return data.load_digits(split, path)


def shifted(split, num_clips, path=None):
    """Return Moving MNIST with more and faster digits."""
    return data.MovingMNIST(
        split, num_clips, BATCH, digits=digits(split, path), **SHIFT
    )


def learning_rate(steps):
    """Return a schedule: linear warm-up for a tenth, then cosine decay."""
    rising = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        RATE / 10,
        max(1, steps - rising),
        warmup_target=RATE,
        warmup_steps=rising,
    )


def learn(model, clips):
    """Train for one epoch."""
    optimizer = keras.optimizers.Adam(learning_rate(len(clips)))
    model.compile(optimizer, loss=losses.FrameL1L2Loss())
    start = time.monotonic()
    model.fit(clips, shuffle=False)
    print(f"{len(clips)} steps in {time.monotonic() - start:.0f} s")


def tune_shifted(steps, path=None):
    """Fine-tune the preset and train from scratch; return models, scores."""
    keras.utils.set_random_seed(1)
    preset, tuned, scratch = (
        zoo.load("ms-convlstm/mnist/small", weights=weights)
        for weights in (True, True, False)
    )
    for model in (tuned, scratch):
        learn(model, shifted("train", steps * BATCH, path))
    models = {"preset": preset, "fine-tuned": tuned, "from scratch": scratch}
    return models, score(models, shifted("test", TEST_CLIPS, path))


def score(models, clips):
    """Return the scores of models and of black frames, by name."""
    first = next(iter(models.values()))
    black = Zeros(first.context, first.horizon)
    return {
        name: evaluate(model, clips)
        for name, model in {**models, "all black": black}.items()
    }


def draw(models, clips, path):
    """Draw one clip: the ground truth and the forecast of each model."""
    past, future = (part[:1] for part in clips[0])
    forecasts = {name: model.predict(past)[0] for name, model in models.items()}
    plots.plot_forecast(past[0], future[0], forecasts).savefig(path)


# %% tags=["active-ipynb"]
# models, scores = tune_shifted(STEPS)
# print(score_table(scores))

# %% tags=["active-ipynb"]
# from IPython.display import Image
#
# draw(models, shifted("test", BATCH), "fine_tune.png")
# Image("fine_tune.png")

# %% [markdown]
# ## Another size, number of channels and horizon


# %%
class Colors(keras.utils.PyDataset):
    """Moving MNIST in color: a red, a green and a blue digit."""

    def __init__(self, split, num_clips, path=None):
        super().__init__()
        height, width, channels = SHAPE["image_shape"]
        self.channels = [
            data.MovingMNIST(
                split,
                num_clips,
                BATCH,
                context=SHAPE["context"],
                horizon=SHAPE["horizon"],
                image_shape=(height, width),
                num_digits=1,
                seed=seed,
                digits=digits(split, path),
            )
            for seed in range(channels)
        ]

    def __len__(self):
        return len(self.channels[0])

    def __getitem__(self, index):
        pairs = [channel[index] for channel in self.channels]
        past, future = zip(*pairs, strict=True)
        return np.concatenate(past, -1), np.concatenate(future, -1)


def reshape(trained):
    """Return a model of `SHAPE` with the weights that fit, and one without.

    Also return the names of the weights that were kept and of the new ones.
    """
    config = {**trained.get_config(), **SHAPE}
    tuned, scratch = (MSStack.from_config(config) for _ in range(2))
    fresh = transfer_weights(trained, tuned)
    kept = [w.path for w in tuned.weights if w.path not in fresh]
    return tuned, scratch, kept, fresh


def tune_reshaped(steps, path=None):
    """Train the reshaped model, from the preset and from scratch."""
    keras.utils.set_random_seed(1)
    trained = zoo.load("ms-convlstm/mnist/small")
    tuned, scratch, kept, fresh = reshape(trained)
    print(textwrap.fill(f"Kept: {', '.join(kept)}"))
    print(textwrap.fill(f"New: {', '.join(fresh)}"))
    for model in (tuned, scratch):
        learn(model, Colors("train", steps * BATCH, path))
    models = {"from the preset": tuned, "from scratch": scratch}
    return models, score(models, Colors("test", TEST_CLIPS, path))


# %% tags=["active-ipynb"]
# models, scores = tune_reshaped(STEPS)
# print(score_table(scores))

# %% tags=["active-ipynb"]
# draw(models, Colors("test", BATCH), "fine_tune_reshaped.png")
# Image("fine_tune_reshaped.png")


# %% tags=["active-py"]
def main(arguments=None):
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", help="an mnist.npz file; default: the package's digits"
    )
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", default="fine_tune.png", help="the picture")
    options = parser.parse_args(arguments)
    models, scores = tune_shifted(options.steps, options.data)
    print(score_table(scores))
    draw(models, shifted("test", BATCH, options.data), options.out)
    print(f"Wrote {options.out}.")
    _, scores = tune_reshaped(options.steps, options.data)
    print(score_table(scores))


if __name__ == "__main__":
    main()
