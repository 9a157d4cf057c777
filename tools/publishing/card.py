"""Render the model card of a preset from its metadata."""

from msrnn_keras.models.ms_stack import MSStack, class_of
from msrnn_keras.presets.saving import NO_INTERVAL
from msrnn_keras.training.history import score_name
from msrnn_keras.training.recipe import CROPPED
from tools.publishing.comparison import (
    compare,
    compare_baselines,
    is_comparable,
    title_of,
)
from tools.publishing.datasets import DATASETS
from tools.publishing.ensemble import ensemble_text
from tools.publishing.manifest import PARTS
from tools.publishing.picture import PICTURE
from tools.publishing.tables import (
    TEMPLATES,
    markdown_table,
    published_results,
    score_tables,
)

CARD = TEMPLATES / "card.md"
SAMPLING = {
    "linear": (
        "scheduled sampling, from true frames to the model's own predictions"
    ),
    "reverse": "reverse scheduled sampling as in PredRNN-V2",
    "none": "the model's own predictions as input from the start",
}
LOSSES = {
    "l1_l2": "absolute and squared errors",
    "mse": "squared errors",
    "crps": "almost fair CRPS of two members",
}
STORED = {
    "float16": (
        "Weights are stored in float16; the first three digits of the "
        "validation MSE\nand SSIM are the same as with float32."
    ),
    "float32": "Weights are stored in float32.",
}
SCORES = {"val_mse": "MSE", "val_crps": "CRPS"}
ROWS = 8  # of the history, approximately


def render_card(recipe, metadata, counterpart=None, twin=None, sections=""):
    """Render a model card; `counterpart` is metadata of a preset or None.

    `twin` is that of the preset without noise beside which an ensemble stands.
    `sections` are scores measured after publishing, such as of long streams.
    """
    training, texts = metadata["training"], DATASETS[metadata["dataset"]]
    height, width, channels = recipe.architecture["image_shape"]
    validation = metadata["clips"]["validation"]
    values = {
        **metadata,
        **{key: recipe.architecture[key] for key in ("context", "horizon")},
        **{key: training[key] for key in ("backend", "keras", "python")},
        "name": _name(metadata),
        "size": f"{height}×{width}×{channels}",
        "accepted": _accepted(recipe),
        "weights": STORED[metadata["weights_dtype"]],
        "pixels": _pixels(metadata["input"]),
        "picture": PICTURE,
        "clips": metadata["clips"]["test"],
        "test_clips": texts.test,
        "tables": _tables(metadata, counterpart),
        "comparison": compare(metadata, counterpart),
        "baselines": compare_baselines(metadata),
        "validation": validation,
        "validation_clips": texts.validation,
        "validation_mse": metadata["scores"]["validation"]["forecast"]["mse"],
        "chosen_on": _chosen_on(recipe, validation),
        "chosen_by": SCORES[score_name(training["history"][0])],
        "evaluate_command": evaluate_command(metadata),
        "ensemble": ensemble_text(metadata, twin),
        "published": published_results(metadata["dataset"]),
        "sections": sections,
        "motion": _motion(recipe, metadata.get("motion")),
        "data": texts.training,
        "protocol": _protocol(recipe),
        "steps": training["steps"],
        "train_clips": training["clips"],
        "hours": _hours(training),
        "earlier": _earlier(training),
        "unfinished": _unfinished(training, recipe.training),
        "train_command": _command(
            metadata, "train", f"--out runs/x{_init(training)}"
        ),
        "history": _history(training["history"]),
        "recipe": recipe.text.rstrip(),
        "limits": texts.limits,
    }
    return CARD.read_text(encoding="utf-8").format(**values)


def evaluate_command(metadata):
    """Return the command that reproduces the scores of a card."""
    baselines = (name.replace(" ", "-") for name in metadata["baselines"])
    options = f"--revision {metadata['revision']}"
    if "ensemble" in metadata:
        options += f" --batch {metadata['ensemble']['batch_size']}"
    options += f" --baselines {' '.join(baselines)}"
    return _command(metadata, "evaluate", options)


def _command(metadata, command, options):
    """Return a `msrnn` command on the preset, with --data if required."""
    needs_path = DATASETS[metadata["dataset"]].needs_path
    data = " --data PATH" if needs_path else ""
    return f"msrnn {command} {_name(metadata)} {options}{data}"


def _name(metadata):
    return "/".join(metadata[part] for part in PARTS)


def _tables(metadata, counterpart):
    """Return the tables of the preset, its counterpart and the baselines."""
    models = {metadata["model"]: metadata["scores"]["test"]}
    if counterpart and is_comparable(metadata, counterpart):
        models[title_of(counterpart)] = counterpart["scores"]["test"]
    return score_tables({**models, **metadata["baselines"]}, metadata["input"])


def _pixels(given):
    """Describe what pixels from 0 to 1 mean."""
    units = given["units"]
    config = sorted(units["config"].items())
    arguments = ", ".join(f"{key}={value!r}" for key, value in config)
    text = (
        "Pixels are the values of the data, scaled to [0, 1] by\n"
        f"`msrnn_keras.data.{units['class_name']}({arguments})`"
    )
    if given["interval"] == NO_INTERVAL:
        return f"{text}."
    return f"{text}. Frames are {given['interval']} apart."


def _motion(recipe, settings):
    """Describe the forecast along the motion; empty without."""
    if not recipe.options.get("moving"):
        return ""
    chosen = [f"{key} {value:g}" for key, value in (settings or {}).items()]
    if chosen:
        chosen = [", ", ", ".join(chosen), ",\nchosen on validation"]
    return (
        "\nIt forecasts along the optical flow (`msrnn_keras.Lagrangian`"
        f"{''.join(chosen)}).\n"
    )


def _accepted(recipe):
    """Say which frames a model accepts."""
    if class_of(recipe.model).has_states:
        return "any height, width, number of frames and horizon"
    least = recipe.architecture["context"]
    return f"any height, width and horizon, and at least {least} frames"


def _init(training):
    """Return the option that names the weights at the start; empty without."""
    return f" --init {training['init']}" if training.get("init") else ""


def _chosen_on(recipe, validation):
    """Name the clips on which the epoch was chosen."""
    clips = recipe.training.validation_clips
    if recipe.dataset in CROPPED:
        return f"{clips:,} crops of these events"
    return f"{min(clips, validation):,} of these clips"


def _protocol(recipe):
    """Describe the loss and the sampling."""
    training = recipe.training
    recurrent = class_of(recipe.model) is MSStack
    warmup = recurrent and recipe.architecture.get("warmup", True)
    frames = (
        "all predictions, including the warm-up"
        if warmup
        else "the forecast frames only"
    )
    parts = [f"{LOSSES[training.loss]} over {frames}"]
    if recurrent:
        parts.append(SAMPLING[training.sampling])
    if training.ema is not None:
        parts.append(f"weights averaged over the steps ({training.ema:g})")
    return "; ".join(parts)


def _hours(training):
    cpu = training.get("cpu_hours")  # unknown for early trainings
    return f"{training['hours']} hours" + (f", {cpu} CPU hours" if cpu else "")


def _earlier(training):
    """Return the length of the training of the initial weights."""
    if "earlier_clips" not in training:
        return ""
    return (
        f" The initial weights, `{training['init']}`, had been trained on "
        f"{training['earlier_clips']:,} clips."
    )


def _unfinished(training, settings):
    """Say which part of the epochs is done; a constant rate plans none."""
    done, planned = training["epochs"], training["planned_epochs"]
    if done >= planned or settings.schedule == "constant":
        return ""
    return f" Unfinished: {done} of the {planned} epochs of the recipe."


def _digits(loss):
    """Return a loss with a decimal or three digits."""
    return f"{loss:.1f}" if loss >= 1 else f"{loss:.3g}"


def _history(rows):
    """Return a table of about `ROWS` epochs that ends with the last one."""
    name = score_name(rows[0])
    step = -(-len(rows) // ROWS)
    chosen = [*rows[:-1:step], rows[-1]]
    return markdown_table(
        ["epoch", "training loss", f"validation {SCORES[name]}"],
        [
            [f"{r['epoch'] + 1}", _digits(r["loss"]), f"{r[name]:.1f}"]
            for r in chosen
        ],
    )
