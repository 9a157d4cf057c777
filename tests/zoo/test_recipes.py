"""The recipes of the package: complete, comparable, buildable."""

import dataclasses

import pytest

from msrnn_keras import Lagrangian, MSStack
from msrnn_keras.losses import AlmostFairCRPS, FrameL1L2Loss
from msrnn_keras.models.architectures import ARCHITECTURES
from msrnn_keras.presets import loading
from msrnn_keras.presets.registry import Library, folder_of
from msrnn_keras.training.recipe import load_recipe
from msrnn_keras.utils.names import normalize

pytestmark = pytest.mark.backend_free  # built, never run

FOLDER = Library().recipes
ALL = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): load_recipe(path)
    for path in sorted(FOLDER.rglob("*.toml"))
}
every_recipe = pytest.mark.parametrize("name", ALL)
# The published image shape, context and horizon of each data set.
FORMS = {
    "mnist": ([64, 64, 1], 10, 10),
    "taxibj": ([32, 32, 2], 4, 4),
    "kth": ([128, 128, 1], 10, 20),
    "kth-msrnn": ([88, 88, 1], 10, 10),
    "germany": ([128, 128, 1], 5, 5),
    "radar": ([64, 64, 1], 6, 12),
}
SMALL = """
ms-convlstm ms-predrnn ms-predrnn++ ms-trajgru ms-mim ms-motionrnn
ms-predrnn-v2 ms-preciplstm convlstm predrnn predrnn++
""".split()
# Training clips of models with fewer of them, because a step takes longer.
CLIPS = {
    "trajgru": 48_000,
    "motionrnn": 41_600,
    "preciplstm": 32_000,
    **dict.fromkeys("predrnn predrnn++ predrnn-v2 mim".split(), 57_600),
}
BASE = ("ms-convlstm", "ms-predrnn", "ms-predrnn++", "ms-motionrnn")


def test_every_wanted_preset_has_a_recipe():
    wanted = {f"{model}/mnist/small" for model in SMALL}
    wanted |= {f"{model}/mnist/base" for model in BASE}
    wanted |= {
        f"{model}/{dataset}/small"
        for model in ("ms-convlstm", "ms-predrnn", "ms-predrnn++")
        for dataset in set(FORMS) - {"mnist", "radar"}
    }
    assert wanted <= set(ALL)


@every_recipe
def test_every_recipe(name):
    recipe = ALL[name]
    parts = (recipe.model, recipe.dataset, recipe.variant)
    assert name == "/".join(parts)
    assert recipe.model in ARCHITECTURES
    assert parts == tuple(map(normalize, parts))
    keys = ("model", "dataset", "variant")
    named = {**dict(zip(keys, parts, strict=True)), "revision": 1}
    assert folder_of(named) == f"{name}/1"
    keys = ("image_shape", "context", "horizon")
    form = tuple(recipe.architecture[key] for key in keys)
    assert form == FORMS[recipe.dataset]
    masked = recipe.architecture.get("missing") == "mask"
    assert masked == (recipe.dataset in ("germany", "radar"))
    # The model builds, here with few filters and 8x8 patches.
    patch, channels = recipe.architecture.get("patch_size", 1), form[0][2]
    small = {"filters": 4, "image_shape": (8 * patch, 8 * patch, channels)}
    architecture = {**recipe.architecture, **small}
    model = dataclasses.replace(recipe, architecture=architecture).build()
    config = model.get_config()
    for key, value in architecture.items():
        assert config[key] == (
            tuple(value) if isinstance(value, list) else value
        )
    for key, value in ARCHITECTURES[recipe.model].options.items():
        assert config[key] == value
    loss = AlmostFairCRPS if model.noise else FrameL1L2Loss
    assert model.compiled and isinstance(model.loss, loss)
    if not recipe.init:  # else its weights were trained so
        assert model.has_states == (recipe.training.sampling != "none")
        assert getattr(model, "sampling", None) or not model.has_states
    training = recipe.training
    assert model.optimizer.use_ema == (training.ema is not None)
    assert model.optimizer.global_clipnorm == training.global_clipnorm
    assert model.dtype_policy.name == (training.precision or "float32")


def test_a_recipe_of_moving_data_gives_a_lagrangian():
    pytest.importorskip("pysteps")
    path = FOLDER / "ms-convlstm/radar/small.toml"
    model = loading._load_recipe(path, filters=4)
    assert isinstance(model, Lagrangian) and model.model.compiled
    with pytest.raises(ValueError, match="of the class MSStack"):
        loading._load_recipe(path, MSStack)


@pytest.mark.parametrize("model", SMALL)
def test_small_presets_differ_only_in_their_length(model):
    published = ALL["ms-convlstm/mnist/small"].training
    training = ALL[f"{model}/mnist/small"].training
    clips = training.steps * training.batch_size
    assert clips == CLIPS.get(model.removeprefix("ms-"), 70_400)
    sampled = training.steps // 2
    if model == "ms-predrnn-v2":  # reverse, as in its paper
        assert training.sampling == "reverse"
        sampled = training.steps
    assert training.sampling_steps == sampled
    same = ("epochs", "sampling", "sampling_steps")
    change = {key: getattr(published, key) for key in same}
    assert dataclasses.replace(training, **change) == published


@pytest.mark.parametrize("variant", ["small", "medium"])
@pytest.mark.parametrize("model", ["convlstm", "predrnn", "predrnn++"])
def test_plain_presets_differ_only_in_their_scales(model, variant):
    plain, scaled = (
        ALL[f"{m}/mnist/{variant}"] for m in (model, f"ms-{model}")
    )
    assert plain.architecture == scaled.architecture
    assert plain.training == scaled.training


@pytest.mark.parametrize(
    "name", [name for name, recipe in ALL.items() if recipe.init]
)
def test_recipes_that_go_on_fit_their_weights(name):
    small = name.rpartition("/")[0] + "/small"
    assert ALL[name].init == small
    new = {"noise", "motion_limit"}  # which need no other weights
    kept = ALL[name].architecture.items()
    kept = {key: value for key, value in kept if key not in new}
    assert kept == ALL[small].architecture


@pytest.mark.parametrize("model", BASE)
def test_base_presets_have_the_published_size(model):
    recipe = ALL[f"{model}/mnist/base"]
    sizes = ("filters", "kernel_size", "patch_size")
    assert [recipe.architecture[key] for key in sizes] == [64, 3, 1]
    assert recipe.training.precision == "mixed_bfloat16"
    assert recipe.training.steps * recipe.training.batch_size == 204_800
