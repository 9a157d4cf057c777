"""What a configuration may name, and that nothing else is looked up."""

import copy
import json

import keras
import pytest

from msrnn_keras import MSStack
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.presets.configuration import check_config
from msrnn_keras.presets.registry import (
    CONFIG,
    MANIFEST,
    PRESETS,
    read_manifest,
)

pytestmark = pytest.mark.backend_free

SYSTEM = {
    "class_name": "function",
    "config": "system",
    "module": "os",
    "registered_name": "system",
}
LAMBDA = {
    "class_name": "__lambda__",
    "config": {"value": ["4wAAAAA=", None, None]},
    "module": "builtins",
    "registered_name": None,
}


def keras_object(module, name, config=None, registered=None):
    return {
        "class_name": name,
        "config": config or {},
        "module": module,
        "registered_name": registered,
    }


@pytest.fixture(scope="module")
def config():
    model = MSStack("convlstm", (8, 8, 1), filters=2, scales=(1,))
    config = {
        "model": {"class": "MSStack", "config": model.get_config()},
        "compile": {
            "loss": keras.losses.serialize(FrameL1L2Loss()),
            "learning_rate": 1e-3,
        },
    }
    return json.loads(json.dumps(config))


def changed(config, path, value):
    """A copy with another value at a path such as `"compile.loss"`."""
    config = copy.deepcopy(config)
    *parents, name = path.split(".")
    table = config
    for parent in parents:
        table = table[parent]
    table[name] = value
    return config


@pytest.mark.parametrize(
    "folder",
    [
        preset.folder
        for preset in read_manifest(MANIFEST)
        if (PRESETS / preset.folder).is_dir()
    ],
)
def test_published_presets_pass(folder):
    check_config(json.loads((PRESETS / folder / CONFIG).read_text()))


@pytest.mark.parametrize(
    "loss",
    ["mse", keras.losses.Huber(0.5), keras.losses.MeanAbsoluteError()],
    ids=["name", "Huber", "MeanAbsoluteError"],
)
def test_losses_of_keras_pass(config, loss):
    if not isinstance(loss, str):
        loss = keras.losses.serialize(loss)
    check_config(changed(config, "compile.loss", loss))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", None])
def test_names_of_policies_pass(config, dtype):
    check_config(changed(config, "model.config.dtype", dtype))


@pytest.mark.parametrize(
    "path, value",
    [
        ("model.class", "Sequential"),
        ("model.class", "keras>Sequential"),
        ("model.class", "L1L2"),
        ("model.class", ["MSStack"]),
        ("model.config", [1]),
        ("model.config.sampling", keras_object("os", "system")),
        ("model.config.filters", LAMBDA),
        ("model.config.scales", [[1], 2]),
        ("model.config.dtype", LAMBDA),
        ("model.config.dtype", SYSTEM),
        ("model.config.dtype", keras_object("keras.layers", "Lambda")),
        ("model.config.dtype", keras_object("os", "DTypePolicy")),
        ("compile.loss", SYSTEM),
        ("compile.loss", LAMBDA),
        ("compile.loss", keras_object("keras.layers", "Lambda")),
        ("compile.loss", keras_object("keras.losses", "get")),
        ("compile.loss", keras_object("msrnn_keras.losses", "keras")),
        ("compile.loss", keras_object(["keras.losses"], "Huber")),
        (
            "compile.loss",
            keras_object("keras.losses", "Huber", {"delta": LAMBDA}),
        ),
        (
            "compile.loss",
            keras_object("keras.losses", "Huber", registered="mine>Huber"),
        ),
        (
            "compile.loss",
            keras_object(
                "msrnn_keras.losses", "L1L2", registered="msrnn_keras>MSStack"
            ),
        ),
        ("compile.learning_rate", LAMBDA),
        ("compile.optimizer", SYSTEM),
        ("model.build_config", {}),
        ("compile_config", {}),
    ],
)
def test_anything_else_is_refused(config, path, value):
    check_config(config)
    with pytest.raises(ValueError, match="registered model.*Received: "):
        check_config(changed(config, path, value))


@pytest.mark.parametrize("content", [None, [], "MSStack", {}, {"model": {}}])
def test_other_content_is_refused(content):
    with pytest.raises(ValueError, match="Received: "):
        check_config(content)
