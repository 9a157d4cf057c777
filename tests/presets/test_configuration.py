"""What a configuration may name, and that nothing else is looked up."""

import copy
import json

import keras
import pytest

from msrnn_keras import MSStack
from msrnn_keras.losses import FrameL1L2Loss
from msrnn_keras.presets.configuration import check_config
from msrnn_keras.presets.registry import CONFIG, PRESETS

pytestmark = pytest.mark.backend_free

STACK = "msrnn_keras>MSStack"


def keras_object(module, name, config=None, registered=None):
    return {
        "class_name": name,
        "config": config or {},
        "module": module,
        "registered_name": registered,
    }


SYSTEM = keras_object("os", "function", "system", "system")
LAMBDA = keras_object(
    "builtins", "__lambda__", {"value": ["4wAAAAA=", None, None]}
)


@pytest.fixture(scope="module")
def config():
    model = MSStack("convlstm", (8, 8, 1), filters=2, scales=(1,))
    loss = keras.losses.serialize(FrameL1L2Loss())
    config = {
        "model": {"class": "MSStack", "config": model.get_config()},
        "compile": {"loss": loss, "learning_rate": 1e-3},
    }
    return json.loads(json.dumps(config))


def changed(config, path, value):
    """A copy with another value at a path such as `"compile.loss"`."""
    config = table = copy.deepcopy(config)
    *parents, name = path.split(".")
    for parent in parents:
        table = table[parent]
    table[name] = value
    return config


def wrapping(model):
    return {"class": "Lagrangian", "config": {"model": model, "fill": None}}


def test_what_passes(config):
    paths = list(PRESETS.glob(f"*/*/*/*/{CONFIG}"))
    assert paths
    for path in paths:
        check_config(json.loads(path.read_text()))
    for loss in ("mse", keras.losses.serialize(keras.losses.Huber(0.5))):
        check_config(changed(config, "compile.loss", loss))
    for dtype in ("mixed_bfloat16", None):
        check_config(changed(config, "model.config.dtype", dtype))
    check_config(changed(config, "model", wrapping(config["model"])))


REFUSED = {
    "model.class": ["Sequential", "keras>Sequential", "L1L2", ["MSStack"]],
    "model.config": [[1]],
    "model.config.sampling": [keras_object("os", "system")],
    "model.config.filters": [LAMBDA],
    "model.config.scales": [[[{"a": 1}], 2], [1] * 3000, [[[[[1]]]]]],
    "model.config.dtype": [
        LAMBDA,
        SYSTEM,
        keras_object("keras.layers", "Lambda"),
        keras_object("os", "DTypePolicy"),
    ],
    "compile.loss": [
        LAMBDA,
        SYSTEM,
        keras_object("keras.layers", "Lambda"),
        keras_object("keras.losses", "get"),
        keras_object("msrnn_keras.losses", "keras"),
        keras_object(["keras.losses"], "Huber"),
        keras_object("keras.losses", "Huber", {"delta": LAMBDA}),
        keras_object("keras.losses", "Huber", None, "mine>Huber"),
        keras_object("msrnn_keras.losses", "L1L2", None, STACK),
    ],
    "compile.learning_rate": [LAMBDA],
    "compile.optimizer": [SYSTEM],
    "model.build_config": [{}],
    "compile_config": [{}],
}


@pytest.mark.parametrize("path", REFUSED)
def test_anything_else_is_refused(config, path):
    check_config(config)
    for value in REFUSED[path]:
        with pytest.raises(ValueError, match="registered model.*Received: "):
            check_config(changed(config, path, value))
            wrong = wrapping(changed(config, path, value).get("model"))
            if path.startswith("model"):
                with pytest.raises(ValueError, match="Received: "):
                    check_config(changed(config, "model", wrong))
    for content in (None, [], "MSStack", {}, {"model": {}}):
        with pytest.raises(ValueError, match="Received: "):
            check_config(content)
