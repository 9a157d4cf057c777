import dataclasses
import pathlib

import keras
import numpy as np
import pytest

import zoo
from msrnn_keras.data import sample_digits
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.training.recipe import Training, load_recipe
from tests.data.datasets.published import write_taxibj
from tests.runs import RECIPE, RICH

# The other recipes are tested in tests/zoo/test_recipes.py.
PUBLISHED = sorted(
    (pathlib.Path(zoo.__file__).parent / "recipes").glob(
        "ms-convlstm-mnist-small.toml"
    )
)
TRAINING = RECIPE[RECIPE.index("[training]") :]


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "my-recipe.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_recipe(path)

    return load


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The recipe `RECIPE` and its model."""
    path = tmp_path_factory.mktemp("recipes") / "tiny.toml"
    path.write_text(RECIPE)
    recipe = load_recipe(path)
    return recipe, recipe.build()


def number(value):
    return float(keras.ops.convert_to_numpy(value))


def test_a_recipe_says_what_the_file_says(load):
    recipe = load(RECIPE)
    assert (recipe.model, recipe.dataset) == ("ms-convlstm", "mnist")
    assert (recipe.variant, recipe.name) == ("tiny", "my-recipe")
    assert recipe.text == RECIPE
    assert recipe.architecture == {
        "image_shape": [32, 32, 1],
        "context": 2,
        "horizon": 2,
        "filters": 2,
        "scales": [1],
        "patch_size": 4,
    }
    assert recipe.training == Training(
        batch_size=2,
        epochs=3,
        steps_per_epoch=3,
        learning_rate=1e-2,
        warmup_steps=2,
        sampling_steps=6,
        validation_clips=2,
        loss="l1_l2",
        seed=1,
    )
    assert recipe.training.steps == 9
    assert recipe.options == {}


def test_what_a_recipe_may_say_beside_that(load):
    recipe = load(RICH)
    assert recipe.training == dataclasses.replace(
        load(RECIPE).training,
        seed=2,
        schedule="one-cycle",
        sampling="reverse",
        optimizer="adamw",
        weight_decay=0.1,
        global_clipnorm=50.0,
        ema=0.75,
        precision="mixed_bfloat16",
    )
    assert recipe.options == {"num_digits": 1}
    model = recipe.build()
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    assert model.optimizer.use_ema
    assert model.dtype_policy.name == "mixed_bfloat16"
    assert number(model.sampling.rates(0)[0]) == 0.5
    data = recipe.data("train", digits=sample_digits("train"))
    assert data.num_digits == 1
    assert recipe.data("validation", digits=data.digits).num_digits == 1


# === What is built ===


def test_the_architecture_is_built(built):
    config = built[1].get_config()
    assert config["name"] == "ms-convlstm"
    assert config["image_shape"] == (32, 32, 1)
    assert (config["context"], config["horizon"]) == (2, 2)
    assert (config["filters"], config["patch_size"]) == (2, 4)
    assert config["scales"] == (1,)


def test_the_model_is_compiled(built):
    model = built[1]
    assert isinstance(model.loss, FrameL1L2Loss)
    assert isinstance(model.optimizer, keras.optimizers.Adam)


@pytest.mark.parametrize(
    "step, rate",
    [
        (0, 0.0),
        (1, 0.005),
        (2, 0.01),
        (5.5, 0.005),  # half of the way from 2 to 9
        (9, 0.0),
        (20, 0.0),
    ],
)
def test_the_learning_rate_over_the_training(built, step, rate):
    schedule = built[1].optimizer.get_config()["learning_rate"]
    schedule = keras.optimizers.schedules.deserialize(schedule)
    assert number(schedule(step)) == pytest.approx(rate, abs=1e-7)


def test_without_warmup_the_learning_rate_starts_at_its_peak(load):
    model = load(RECIPE.replace("warmup_steps = 2", "warmup_steps = 0")).build()
    rate = keras.ops.convert_to_numpy(model.optimizer.learning_rate)
    assert float(rate) == pytest.approx(0.01)


@pytest.mark.parametrize("step, rate", [(0, 1), (3, 0.5), (6, 0), (99, 0)])
def test_scheduled_sampling_over_the_training(built, step, rate):
    context_rate, horizon_rate = built[1].sampling.rates(step)
    assert number(horizon_rate) == pytest.approx(rate, abs=1e-6)
    assert number(context_rate) == 1.0


def test_the_seed_sets_the_weights(load, built):
    again = load(RECIPE).build().get_weights()
    other = load(RECIPE.replace("seed = 1", "seed = 2")).build().get_weights()
    weights = built[1].get_weights()
    for a, b in zip(weights, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(weights, other, strict=True))


def test_a_recipe_needs_a_model_and_a_data_set_alone(load):
    recipe = load('model = "convlstm"\ndataset = "taxibj"\n')
    assert recipe.architecture == {
        "image_shape": [32, 32, 2],
        "context": 4,
        "horizon": 4,
    }
    assert recipe.training == Training()
    assert (recipe.training.warmup_steps, recipe.variant) == (100, "custom")
    assert recipe.training.sampling_steps == recipe.training.steps // 2


def test_defaults_of_a_run_that_can_be_prolonged(load):
    short, long = (
        Training(schedule="constant", epochs=epochs) for epochs in (1000, 3000)
    )
    assert short == dataclasses.replace(long, epochs=1000)
    assert short.sampling_steps == 600


def test_a_recipe_with_other_training_settings(load):
    recipe = load(RICH)
    changed = recipe.change_training(epochs=7, seed=3)
    training = dataclasses.replace(recipe.training, epochs=7, seed=3)
    assert changed.training == training
    assert load(changed.text) == changed
    assert (
        dataclasses.replace(changed, training=recipe.training, text=recipe.text)
        == recipe
    )


# === Its data ===


def test_each_split_is_as_the_recipe_says(load):
    recipe = load(RECIPE)
    digits = sample_digits("train")
    train = recipe.data("train", digits=digits)
    assert (train.split, train.seed, train.teacher_forcing) == (
        "train",
        1,
        True,
    )
    assert (len(train), train.num_clips, train.batch_size) == (3, 6, 2)
    validation = recipe.data("validation", digits=digits)
    assert (validation.split, validation.num_clips) == ("validation", 2)
    assert validation.seed == 0 and not validation.teacher_forcing
    test = recipe.data("test", digits=digits)
    assert (test.split, test.num_clips, test.teacher_forcing) == (
        "test",
        10_000,
        False,
    )
    given = recipe.data("test", digits=digits, batch_size=7, num_clips=9)
    assert (given.batch_size, given.num_clips) == (7, 9)


def test_clips_fit_the_model(load):
    recipe = load(RECIPE.replace("horizon = 2", "horizon = 4"))
    digits = sample_digits("train")
    x, y = recipe.data("train", digits=digits)[0]
    assert x.shape == (2, 5, 32, 32, 1) and y.shape == (2, 4, 32, 32, 1)
    x, y = recipe.data("validation", digits=digits)[0]
    assert x.shape == (2, 2, 32, 32, 1) and y.shape == (2, 4, 32, 32, 1)


def test_a_path_is_where_the_digits_come_from(load, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        load(RECIPE).data("train", path=tmp_path / "nowhere.npz")


def of_taxibj(text, shape="[32, 32, 2]"):
    text = text.replace('"mnist"', '"taxibj"')
    return text.replace("[32, 32, 1]", shape)


def test_any_data_set_by_name(load, tmp_path):
    write_taxibj(tmp_path / "taxi")
    text = of_taxibj(RECIPE).replace("clips = 2", "clips = 4")
    text = text.replace('"l1_l2"', '"l1_l2"\nsampling = "none"')
    recipe = load(text.replace("sampling_steps = 6\n", ""))
    train = recipe.data("train", path=tmp_path / "taxi")
    assert (train.teacher_forcing, train.shuffle, train.seed) == (
        False,
        True,
        1,
    )
    assert train.num_clips > 6  # all of them, whatever an epoch takes
    validation = recipe.data("validation", path=tmp_path / "taxi")
    assert (validation.num_clips, validation.shuffle) == (4, False)
    model = recipe.build()
    assert model.sampling is None
    x, y = train[0]
    assert x.shape == y.shape == (2, 2, 32, 32, 2)
    test = recipe.data("test", path=tmp_path / "taxi", num_clips=3)
    assert test.num_clips == 3


def test_frames_must_be_as_large_as_the_recipe_says(load, tmp_path):
    write_taxibj(tmp_path / "taxi")
    recipe = load(of_taxibj(RECIPE, "[32, 16, 2]"))
    with pytest.raises(ValueError, match=r"Received: .*\(32, 16, 2\)$"):
        recipe.data("train", path=tmp_path / "taxi")


def test_options_that_a_data_set_lacks_are_refused(load, tmp_path):
    recipe = load(of_taxibj(RECIPE) + "[data]\nnum_digits = 1\n")
    with pytest.raises(ValueError, match="Received: num_digits$"):
        recipe.data("train", path=tmp_path / "taxi")


def test_precision_is_said_once(load):
    text = RECIPE.replace("patch_size = 4", 'dtype = "float64"')
    assert load(text).build().dtype_policy.name == "float64"
    with pytest.raises(ValueError, match="Received: precision='float32'"):
        load(text + "precision = 'float32'\n")


def test_the_squared_error_alone(load):
    loss = load(RECIPE.replace('"l1_l2"', '"mse"')).build().loss
    truth = np.array([[[[[1.0], [np.nan]]]]], "float32")
    assert number(loss(truth, np.full_like(truth, 3.0))) == 4.0


def test_the_recipe_of_the_first_preset_means_what_it_did(load):
    info = zoo.info("ms-convlstm", "mnist", "small", revision=1)
    training = load(info["recipe"]).training
    fields = [field.name for field in dataclasses.fields(training)]
    for name in fields[fields.index("schedule") :]:
        default = Training.__dataclass_fields__[name].default
        assert getattr(training, name) == default, name


# === Published recipes ===


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_published_recipes(path):
    recipe = load_recipe(path)
    names = (recipe.model, recipe.dataset, recipe.variant)
    assert path.stem == "-".join(names)
    model = recipe.build()
    clip = model.context + model.horizon - 1
    for split, length in (("train", clip), ("validation", model.context)):
        x, y = recipe.data(split, digits=sample_digits(split))[0]
        assert x.shape[1:] == (length, *model.image_shape)
        assert y.shape[1:] == (model.horizon, *model.image_shape)


def test_the_small_preset_has_a_million_parameters():
    path = next(p for p in PUBLISHED if p.stem == "ms-convlstm-mnist-small")
    assert load_recipe(path).build().count_params() == 999_233


# === Refusals ===


def test_no_recipe(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*none.toml"):
        load_recipe(tmp_path / "none.toml")
    with pytest.raises(FileNotFoundError, match="Received: "):
        load_recipe(tmp_path)


def without(key):
    lines = RECIPE.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(key))


@pytest.mark.parametrize(
    "text, message",
    [
        ("model =", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("", "cannot be read"),
        (RECIPE + "patience = 3\n", "patience"),
        ("optimizer = 'sgd'\n" + RECIPE, "optimizer"),
        ("options = {}\n" + RECIPE, "options"),
        ("name = 'mine'\n" + RECIPE, "name"),
        (without("model"), "model"),
        (without("dataset"), "dataset"),
        ("training = 3\n" + RECIPE[: RECIPE.index("[arch")], "cannot be read"),
    ],
)
def test_what_is_no_recipe_is_refused(load, text, message):
    with pytest.raises(ValueError, match=f"(?s){message}.*Received: "):
        load(text)


@pytest.mark.parametrize(
    "old, new, received",
    [
        ('"mnist"', '"kht"', "dataset='kht'"),
        ('"mnist"', '"mnist-official"', "dataset='mnist-official'"),
        ('"mnist"', "3", "dataset=3"),
        ('"l1_l2"', '"mae"', "loss='mae'"),
        ("epochs = 3", "epochs = 0", "epochs=0"),
        ("epochs = 3", "epochs = 2.5", "epochs=2.5"),
        ("epochs = 3", "epochs = true", "epochs=True"),
        ("batch_size = 2", "batch_size = 0", "batch_size=0"),
        ("epoch = 3", "epoch = 0", "steps_per_epoch=0"),
        ("sampling_steps = 6", "sampling_steps = 0", "sampling_steps=0"),
        ("clips = 2", "clips = 0", "validation_clips=0"),
        ("1e-2", "-1e-2", "learning_rate=-0.01"),
        ("1e-2", "nan", "learning_rate=nan"),
        ("1e-2", '"fast"', "learning_rate='fast'"),
        ("warmup_steps = 2", "warmup_steps = 9", "warmup_steps=9"),
        ("warmup_steps = 2", "warmup_steps = -1", "warmup_steps=-1"),
    ],
)
def test_values_that_cannot_be_are_refused(load, old, new, received):
    assert RECIPE.count(old) == 1
    with pytest.raises(ValueError, match=f"Received: {received}$"):
        load(RECIPE.replace(old, new))


@pytest.mark.parametrize(
    "text, received",
    [
        ("[data]\nbatch_size = 3", "batch_size"),
        ("[data]\nstride = 4\nseed = 3", "seed, stride"),
        ("precision = 3", "precision=3"),
        ("ema = true", "ema=True"),
        ("clipnorm = 0", "clipnorm=0"),
        ("schedule = 'fast'", "schedule='fast'"),
    ],
)
def test_what_is_added_is_checked_as_well(load, text, received):
    with pytest.raises(ValueError, match=f"Received: {received}$"):
        load(f"{RECIPE}{text}\n")


def test_whole_numbers_are_rates_too(load):
    recipe = load(RECIPE.replace("1e-2", "1"))
    assert recipe.training.learning_rate == 1


@pytest.mark.parametrize("key", ["filters", "patch_size"])
def test_what_the_model_does_not_take_is_refused_when_built(load, key):
    with pytest.raises(ValueError, match="Received: "):
        load(RECIPE.replace(f"{key} = ", f"{key}_of_mine = ")).build()


def test_an_unknown_model_is_refused_when_built(load):
    with pytest.raises(ValueError, match="Received: 'lstm'"):
        load(RECIPE.replace('"ms-convlstm"', '"lstm"')).build()
