import dataclasses
import tomllib

import keras
import numpy as np
import pytest

from msrnn_keras.data import sample_digits
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.training import optimization, settings
from msrnn_keras.training.recipe import Training, load_recipe
from tests.data.datasets.published import write_radar, write_taxibj
from tests.recordings import write_knmi_reflectivity
from tests.runs import RECIPE, RICH

pytestmark = pytest.mark.backend_free
TAXIBJ = RECIPE.replace('"mnist"', '"taxibj"').replace("32, 1]", "32, 2]")


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "my-recipe.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_recipe(path)

    return load


def test_model_of_a_recipe(load):
    recipe = load(RECIPE)
    model = recipe.build()
    config = model.get_config()
    shapes = {"image_shape": (32, 32, 1), "scales": (1,)}
    expected = {**recipe.architecture, **shapes, "name": "ms-convlstm"}
    assert expected.items() <= config.items()
    assert isinstance(model.loss, FrameL1L2Loss)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    # test_optimization.py checks the values over the training.
    rate = model.optimizer.get_config()["learning_rate"]
    expected = optimization.learning_rate(recipe.training)
    assert rate["config"] == expected.get_config()
    expected = optimization.sampling(recipe.training)
    assert model.sampling.get_config() == expected.get_config()
    # The seed determines the weights.
    texts = RECIPE, RECIPE.replace("seed = 1", "seed = 2")
    same, other = (load(text).build().get_weights() for text in texts)
    for a, b in zip(model.get_weights(), same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(same, other, strict=True))


def test_values_and_defaults_of_a_recipe(load):
    recipe, written = load(RECIPE), tomllib.loads(RECIPE)
    training = Training(**written.pop("training"))
    written |= {"name": "my-recipe", "text": RECIPE, "options": {}}
    written["init"] = None
    assert vars(recipe) == {**written, "training": training}
    assert training.steps == 9
    text = RECIPE.replace("1e-2", "1")  # An integer is a float, too.
    assert load(text).training.learning_rate == 1
    # A recipe of version 0.1 keeps its decoupling.
    text = RECIPE.replace('"ms-convlstm"', '"ms-predrnn"')
    recipe = load(text.replace("filters = 2", "filters = 2\ndecoupling = 0.5"))
    assert recipe.build().decoupling_weight == 0.5
    recipe = load('model = "convlstm"\ndataset = "taxibj"\n')
    sizes = {"image_shape": [32, 32, 2], "context": 4, "horizon": 4}
    assert recipe.architecture == sizes
    assert recipe.training == Training()
    assert (recipe.training.warmup_steps, recipe.variant) == (100, "custom")
    assert recipe.training.sampling_steps == recipe.training.steps // 2
    long = Training(schedule="constant", epochs=3000)
    short = Training(schedule="constant", epochs=1000)
    assert short == dataclasses.replace(long, epochs=1000)
    assert short.sampling_steps == 600


def test_data_of_each_split(load):
    recipe = load(RECIPE.replace("horizon = 2", "horizon = 4"))
    splits = {"train": (6, 1, 5), "validation": (2, 0, 2)}
    splits["test"] = (10_000, None, 2)
    for split, (clips, seed, frames) in splits.items():
        digits = sample_digits(split)
        drawn = recipe.data(split, digits=digits)
        assert (drawn.split, drawn.num_clips) == (split, clips)
        assert drawn.teacher_forcing == (split == "train")
        assert split == "test" or drawn.seed == seed
        x, y = drawn[0]
        assert x.shape == (2, frames, 32, 32, 1)
        assert y.shape == (2, 4, 32, 32, 1)
        given = recipe.data(split, digits=digits, batch_size=7, num_clips=9)
        assert (given.batch_size, given.num_clips) == (7, 9)


def test_any_data_set_by_name(load, tmp_path):
    write_taxibj(tmp_path / "taxi")
    text = TAXIBJ.replace("clips = 2", "clips = 4")
    text = text.replace('"l1_l2"', '"l1_l2"\nsampling = "none"')
    recipe = load(text.replace("sampling_steps = 6\n", ""))
    train = recipe.data("train", path=tmp_path / "taxi")
    assert (train.teacher_forcing, train.shuffle) == (False, True)
    assert train.seed == 1
    assert train.num_clips > 6  # all clips, whatever an epoch takes
    validation = recipe.data("validation", path=tmp_path / "taxi")
    assert (validation.num_clips, validation.shuffle) == (4, False)
    model = recipe.build()
    assert model.sampling is None
    x, y = train[0]
    assert x.shape == y.shape == (2, 2, 32, 32, 2)
    recipe = load(TAXIBJ.replace("32, 32, 2", "32, 16, 2"))
    with pytest.raises(ValueError, match=r"Received: .*\(32, 16, 2\)$"):
        recipe.data("train", path=tmp_path / "taxi")
    recipe = load(TAXIBJ + "[data]\nnum_digits = 1\n")
    with pytest.raises(ValueError, match="Received: num_digits$"):
        recipe.data("train", path=tmp_path / "taxi")
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        load(RECIPE).data("train", path=tmp_path / "nowhere.npz")


def test_crops_of_radar(load, tmp_path):
    write_radar(tmp_path)
    text = RECIPE.replace('"mnist"', '"radar"').replace("[32, 32", "[8, 12")
    recipe = load(text)
    train = recipe.data("train", tmp_path)
    t = recipe.training
    assert train.num_clips == t.batch_size * t.steps_per_epoch
    assert train.image_shape == (8, 12, 1) and train.teacher_forcing
    validation = recipe.data("validation", tmp_path)
    assert validation.image_shape == (8, 12, 1)
    assert validation.num_clips == t.validation_clips
    test = recipe.data("test", tmp_path)
    assert test.image_shape == (16, 14, 1)  # whole frames


def test_crops_of_recordings(load, tmp_path):
    for minute in range(10, 22):
        path = tmp_path / f"2021020620{minute}.h5"
        write_knmi_reflectivity(path, np.full((9, 9), 78))
    text = RECIPE.replace('"mnist"', '"recordings"').replace("[32, 32", "[8, 8")
    recipe = load(text + '[data]\nimporter = "knmi_hdf5"\n')
    shape = recipe.architecture
    recipe = dataclasses.replace(
        recipe, architecture={**shape, "context": 1, "horizon": 1}
    )
    train = recipe.data("train", str(tmp_path / "*.h5"))
    assert train.sources[0].frames.shape == (10, 9, 9, 1)
    np.testing.assert_allclose(train[0][0], 17 / 70, rtol=1e-6)


def test_all_settings_of_a_recipe(load):
    recipe = load(RICH)
    assert recipe.training == Training(**tomllib.loads(RICH)["training"])
    assert recipe.options == {"num_digits": 1}
    model = recipe.build()
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    assert model.optimizer.use_ema
    assert model.dtype_policy.name == "mixed_bfloat16"
    assert float(model.sampling.rates(0)[0]) == 0.5
    data = recipe.data("train", digits=sample_digits("train"))
    assert data.num_digits == 1
    assert recipe.data("validation", digits=data.digits).num_digits == 1
    changed = recipe.change_training(epochs=7, seed=3)
    training = dataclasses.replace(recipe.training, epochs=7, seed=3)
    assert changed.training == training
    assert load(changed.text) == changed
    old = {"training": recipe.training, "text": recipe.text}
    assert dataclasses.replace(changed, **old) == recipe
    text = RECIPE.replace("patch_size = 4", 'dtype = "float64"')
    assert load(text).build().dtype_policy.name == "float64"
    sampled = RECIPE.replace("patch_size = 4", "sampling = 0.5")
    for wrong in (text + "precision = 'float32'\n", sampled):
        with pytest.raises(ValueError, match="Received: (dtype|sampling)$"):
            load(wrong)
    loss = load(RECIPE.replace('"l1_l2"', '"mse"')).build().loss
    truth = np.array([[[[[1.0], [np.nan]]]]], "float32")
    assert float(loss(truth, np.full_like(truth, 3.0))) == 4.0


def test_invalid_recipes_are_refused(load, tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*none.toml"):
        load_recipe(tmp_path / "none.toml")
    with pytest.raises(FileNotFoundError, match="Received: "):
        load_recipe(tmp_path)
    with pytest.raises(ValueError, match="Received: "):
        load(RECIPE.replace("filters = ", "filters_of_mine = ")).build()
    with pytest.raises(ValueError, match="Received: 'lstm'"):
        load(RECIPE.replace('"ms-convlstm"', '"lstm"')).build()
    for text, message in (
        ("model =", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (RECIPE + "patience = 3\n", "patience"),
        ("options = {}\n" + RECIPE, "options"),
        (RECIPE.replace('dataset = "mnist"', ""), "dataset"),
        ("training = 3\n" + RECIPE[: RECIPE.index("[arch")], "cannot be read"),
    ):
        with pytest.raises(ValueError, match=f"(?s){message}.*Received: "):
            load(text)
    for old, new, received in (
        ('"mnist"', '"mnist-official"', "dataset='mnist-official'"),
        ('"mnist"', "3", "dataset=3"),
        ('"l1_l2"', '"mae"', "loss='mae'"),
        ('"l1_l2"', '"crps"', "loss='crps', noise=False"),
        ("epochs = 3", "epochs = 2.5", "epochs=2.5"),
        ("epoch = 3", "epoch = 0", "steps_per_epoch=0"),
        ("1e-2", "nan", "learning_rate=nan"),
        ("warmup_steps = 2", "warmup_steps = 9", "warmup_steps=9"),
        ("warmup_steps = 2", "warmup_steps = -1", "warmup_steps=-1"),
    ):
        assert RECIPE.count(old) == 1
        with pytest.raises(ValueError, match=f"Received: {received}$"):
            load(RECIPE.replace(old, new))
    for text, received in (
        ("[data]\nbatch_size = 3", "batch_size"),
        ("[data]\nstride = 4\nseed = 3", "seed, stride"),
        ("[data]\nmoving = true", "missing=None"),
        ("precision = 3", "precision=3"),
        ("schedule = 'fast'", "schedule='fast'"),
    ):
        with pytest.raises(ValueError, match=f"Received: {received}$"):
            load(f"{RECIPE}{text}\n")
    for name in settings.POSITIVE:
        with pytest.raises(ValueError, match=f"Received: {name}=-1$"):
            settings.check_numbers(Training(**{name: -1}))
