"""The model card of a preset, written from what was measured."""

from msrnn_keras.evaluation import PROTOCOLS

CARD = """\
# {model}, {dataset}, {variant} (revision {revision})

{parameters:,} parameters; {context} frames of {size} in, {horizon} out (any
height, width, length and horizon is accepted).

    import zoo
    model = zoo.load("{model}", "{dataset}", "{variant}", revision={revision})
    future = model.predict(past)  # (batch, time, height, width, channels)

## Scores

The fixed test set of `msrnn_keras.data.MovingMNIST("test")`, {clips:,} clips
drawn with a fixed seed from the 10,000 MNIST test digits; predictions clipped
to [0, 1]; MSE and MAE are sums over the pixels of a frame, averaged over
frames and clips. It is not the test file that published figures use, so they
compare in kind, not to the digit.

{tables}

On {validation:,} validation clips (digits 55,000-59,999 of the training
digits): forecast MSE {validation_mse:.2f}. The weights are those of the epoch
that scored best on the first {chosen_on:,} of them.

Reproduce with the full MNIST (weights and test set are fixed; the last digits
depend on the backend):

    msrnn evaluate {model} {dataset} --variant {variant} --revision {revision}

## Training

- Data: {data}
- Protocol: the recipe below; loss on all predictions, warm-up included;
  scheduled sampling from the true frames to the model's own.
- Length: {steps:,} steps, {train_clips:,} clips, {hours} hours.
- Hardware: {hardware}.
- Software: Keras {keras} on {backend}, Python {python}.
- Command: `msrnn train zoo/recipes/{recipe_name}.toml --out RUN`

| epoch | training loss | validation MSE |
|---|---|---|
{history}

```toml
{recipe}
```

## Limits

Trained on two digits of 28×28 pixels at one speed in frames of 64×64. Other
sizes, numbers of objects, speeds or kinds of images run, but the forecasts
are only as good as the likeness to that. Forecasts blur with lead time.

Licence: {license}.
"""
DATA = {
    "mnist": (
        "Moving MNIST, clips made on the fly from the first 55,000 MNIST "
        "training digits (Y. LeCun and C. Cortes)."
    ),
    "taxibj": "TaxiBJ, the slots before the last 56 days.",
    "kth": "KTH Actions, persons 1 to 14.",
    "kth-msrnn": "KTH Actions, persons 1 to 14, walking, jogging, running.",
    "germany": "RYDL, radar composites of Germany, 2006 to 2014.",
}
ROWS = 8  # of the history, about


def render_card(recipe, metadata):
    """Gives the text of a model card.

    Args:
        recipe: `msrnn_keras.recipes.Recipe` the model was trained from.
        metadata: dict, the preset's metadata, with its `parameters`.

    Returns:
        string, Markdown.

    Example:
        card = render_card(load_recipe("recipe.toml"), metadata)
    """
    training = metadata["training"]
    height, width, channels = recipe.architecture["image_shape"]
    scores = metadata["scores"]
    models = {
        metadata["model"]: scores["test"],
        **metadata["baselines"],
    }
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
        clips=metadata["clips"]["test"],
        tables="\n\n".join(_table(models, name) for name in PROTOCOLS),
        validation=metadata["clips"]["validation"],
        validation_mse=scores["validation"]["forecast"]["mse"],
        chosen_on=recipe.training.validation_clips,
        data=DATA[metadata["dataset"]],
        train_clips=training["clips"],
        **{key: training[key] for key in ("backend", "hours", "keras")},
        **{key: training[key] for key in ("python", "steps")},
        recipe_name=f"{recipe.model}-{recipe.dataset}-{recipe.variant}",
        history=_history(training["history"]),
        recipe=recipe.text.rstrip(),
    )


def _table(models, protocol):
    lines = [
        f"| protocol `{protocol}`: {PROTOCOLS[protocol]} "
        "| MSE | MAE | SSIM | PSNR | MSE unclipped |",
        "|---|---|---|---|---|---|",
    ]
    for name, protocols in models.items():
        scores = protocols[protocol]
        lines.append(
            f"| {name} | {scores['mse']:.2f} | {scores['mae']:.2f} "
            f"| {scores['ssim']:.4f} | {scores['psnr']:.2f} "
            f"| {scores['mse_unclipped']:.2f} |"
        )
    return "\n".join(lines)


def _history(rows):
    step = -(-len(rows) // ROWS)
    chosen = [*rows[:-1:step], rows[-1]]
    return "\n".join(
        f"| {row['epoch'] + 1} | {row['loss']:.1f} | {row['val_mse']:.1f} |"
        for row in chosen
    )
