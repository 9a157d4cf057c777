"""The model card of a preset, written from what was measured."""

from tools.publishing.comparison import compare, compare_baselines
from tools.publishing.datasets import DATASETS
from tools.publishing.figures import published_figures
from tools.publishing.picture import PICTURE
from tools.publishing.tables import rain_table, score_tables

CARD = """\
# {model}, {dataset}, {variant} (revision {revision})

{parameters:,} parameters; {context} frames of {size} in, {horizon} out (any
height, width, length and horizon is accepted). {weights}

    import zoo
    model = zoo.load("{model}", "{dataset}", "{variant}", revision={revision})
    future = model.predict(past)  # (batch, time, height, width, channels)

{pixels}

![{picture_text}]({picture})

## Scores

{clips:,} {test_clips}; predictions clipped to [0, 1]; MSE and MAE are sums
over the pixels and channels of a frame, averaged over frames and clips.

{tables}

{comparison}

{baselines}

On {validation:,} {validation_clips}:
forecast MSE {validation_mse:.2f}. The weights are those of the epoch that
scored best on {chosen_on:,} of them; nothing was chosen by the test clips.

Reproduce (weights and test set are fixed; the last digits depend on the
backend):

    {command}
{published}{long_forecasts}
## Training

- Data: {data}.
- Protocol: the recipe below; {protocol}.
- Length: {steps:,} steps, {train_clips:,} clips, {hours}.{unfinished}
- Hardware: {hardware}.
- Software: Keras {keras} on {backend}, Python {python}.
- Command: `msrnn train {recipe_name}.toml --out RUN{data_option}`, the file
  being the recipe below.

| epoch | training loss | validation MSE |
|---|---|---|
{history}

```toml
{recipe}
```

## Limits

{limits} Forecasts blur with lead time.

Licence: {license}.
"""
SAMPLING = {
    "linear": "scheduled sampling from the true frames to the model's own",
    "reverse": "reverse scheduled sampling, as PredRNN-V2's",
    "none": "on the model's own predictions from the start",
}
STORED = {
    "float16": (
        "Weights are stored in float16, with which MSE and SSIM on validation "
        "are the same as with float32 in their first three digits."
    ),
    "float32": (
        "Weights are stored in float32: float16 does not keep MSE and SSIM on "
        "validation to their third digit."
    ),
}
ROWS = 8  # of the history, about
NO_INTERVAL = "1 frame"  # where frames have no time


def render_card(recipe, metadata, counterpart=None, long_forecasts=""):
    """Gives the text of a model card.

    Args:
        recipe: `msrnn_keras.training.recipe.Recipe` the model was trained from.
        metadata: dict, the preset's metadata, with its `parameters` and
            `weights_dtype`.
        counterpart: `comparison.Counterpart`, the plain model of a
            multi-scale one or the other way round; None where there is none.
        long_forecasts: string, the section that
            `tools.publishing.long_streams.long_forecasts` returns.

    Returns:
        string, Markdown.

    Example:
        card = render_card(load_recipe("recipe.toml"), metadata)
    """
    training, texts = metadata["training"], DATASETS[metadata["dataset"]]
    height, width, channels = recipe.architecture["image_shape"]
    validation = metadata["clips"]["validation"]
    return CARD.format(
        **{
            key: metadata[key]
            for key in ("dataset", "hardware", "license", "model", "parameters")
        },
        variant=metadata["variant"],
        revision=metadata["revision"],
        context=recipe.architecture["context"],
        horizon=recipe.architecture["horizon"],
        size=f"{height}×{width}×{channels}",
        weights=STORED[metadata["weights_dtype"]],
        pixels=_pixels(metadata["input"]),
        picture=PICTURE,
        picture_text="Test clips and their forecasts",
        clips=metadata["clips"]["test"],
        test_clips=texts.test,
        tables=_tables(metadata, counterpart),
        comparison=compare(metadata, counterpart),
        baselines=compare_baselines(metadata),
        validation=validation,
        validation_clips=texts.validation,
        validation_mse=metadata["scores"]["validation"]["forecast"]["mse"],
        chosen_on=min(recipe.training.validation_clips, validation),
        command=evaluate_command(metadata),
        published=published_figures(metadata["dataset"]),
        long_forecasts=long_forecasts,
        data=texts.training,
        protocol=_protocol(recipe),
        train_clips=training["clips"],
        hours=_hours(training),
        **{key: training[key] for key in ("backend", "keras")},
        **{key: training[key] for key in ("python", "steps")},
        unfinished=_unfinished(training),
        recipe_name=f"{recipe.model}-{recipe.dataset}-{recipe.variant}",
        data_option=" --data PATH" if texts.needs_path else "",
        history=_history(training["history"]),
        recipe=recipe.text.rstrip(),
        limits=texts.limits,
    )


def evaluate_command(metadata):
    """Gives the command that scores a preset as its card does.

    Args:
        metadata: dict, the preset's metadata.

    Returns:
        string, one line.
    """
    baselines = (name.replace(" ", "-") for name in metadata["baselines"])
    parts = [
        f"msrnn evaluate {metadata['model']} {metadata['dataset']}",
        f"--variant {metadata['variant']} --revision {metadata['revision']}",
        f"--baselines {' '.join(baselines)}",
    ]
    if DATASETS[metadata["dataset"]].needs_path:
        parts.append("--data PATH")
    return " ".join(parts)


def _tables(metadata, counterpart):
    models = {metadata["model"]: metadata["scores"]["test"]}
    if counterpart and counterpart.test_clips == metadata["clips"]["test"]:
        models[counterpart.name] = counterpart.test
    models |= metadata["baselines"]
    tables = score_tables(models, metadata["input"])
    return "\n\n".join([*tables, *rain_table(models)])


def _pixels(given):
    """What the pixels from 0 to 1 are."""
    units = given["units"]
    arguments = ", ".join(f"{k}={v!r}" for k, v in units["config"].items())
    text = (
        "Pixels are the data's values on [0, 1], by "
        f"`msrnn_keras.data.{units['class_name']}({arguments})`"
    )
    if given["interval"] == NO_INTERVAL:
        return f"{text}."
    return f"{text}; frames are {given['interval']} apart."


def _protocol(recipe):
    training = recipe.training
    warmup = recipe.architecture.get("warmup", True)
    parts = [
        "loss on all predictions, warm-up included"
        if warmup
        else "loss on the forecast frames alone",
        SAMPLING[training.sampling],
    ]
    if training.ema is not None:
        parts.append(f"weights averaged over the steps ({training.ema:g})")
    return "; ".join(parts)


def _hours(training):
    """Return how long a training took, in words."""
    cpu = training.get("cpu_hours")  # not known of older trainings
    return f"{training['hours']} hours" + (f", {cpu} CPU hours" if cpu else "")


def _unfinished(training):
    done, planned = training["epochs"], training["planned_epochs"]
    if done >= planned:
        return ""
    return f" Unfinished: {done} of the recipe's {planned} epochs."


def _history(rows):
    step = -(-len(rows) // ROWS)
    chosen = [*rows[:-1:step], rows[-1]]
    return "\n".join(
        f"| {row['epoch'] + 1} | {row['loss']:.1f} | {row['val_mse']:.1f} |"
        for row in chosen
    )
