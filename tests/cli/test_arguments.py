import json
import re
import zipfile

import keras
import numpy as np
import pytest

from msrnn_keras.cli.arguments import load
from tests.reference import tiny


@pytest.mark.backend_free
def test_other_model_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*none.keras"):
        load(str(tmp_path / "none.keras"))
    (tmp_path / "a.keras").write_bytes(b"no model")
    with pytest.raises(ValueError, match="cannot be loaded.*a.keras"):
        load(str(tmp_path / "a.keras"))
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    other.save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match="Received: Sequential in .*a.keras"):
        load(str(tmp_path / "a.keras"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.keras"
    tiny("ms-convlstm").save(path)
    return path


def repack(whole, path, change=None, **members):
    """Copy a `.keras` file with a changed configuration or other members."""
    with zipfile.ZipFile(whole) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    if change is not None:
        config = json.loads(content["config.json"])
        change(config)
        content["config.json"] = json.dumps(config)
    content |= {name.replace("_", "."): x for name, x in members.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.mark.backend_free
def test_files_of_strangers_are_refused_in_one_line(whole, tmp_path, refuse):
    path = tmp_path / "a.keras"

    def refused(message):
        line = f"{message}.*{path}"
        refuse(re.compile(line), "evaluate", path, "mnist")

    for name, value, message in (
        ("filters", 10**6, "numbers instead of"),
        ("scales", [1] * 3000, "3,000"),
        ("horizon", 10**9, "1,000 frames"),
        ("filters", {"class_name": "os"}, "cannot be loaded"),
    ):
        repack(whole, path, lambda x: x["config"].update({name: value}))  # noqa: B023
        refused(message)
    repack(whole, path, lambda x: x.pop("config"))
    refused("cannot be loaded")
    repack(whole, path, lambda x: x.update(registered_name=None))
    refused("one of this package.*MSStack")
    repack(whole, path, bomb=bytes(30 << 20))
    refused("a claim of 31,")
    repack(whole, path, config_json="[" * 100_000)
    refused("cannot be loaded")
    repack(whole, path, config_json=" " * (11 << 20))
    refused("config.json has 11,")
    repack(whole, path, model_weights_h5=b"none")
    refused("cannot be read")
    content = whole.read_bytes()
    for part in (content[:-1000], content[: len(content) // 2]):
        path.write_bytes(part)
        refused("cannot be loaded")
    rng = np.random.default_rng(0)
    for _ in range(3):  # A changed bit is seen by the archive's checksum.
        flipped = np.frombuffer(content, "uint8").copy()
        flipped[rng.integers(len(content) - 2000)] ^= 0x10
        path.write_bytes(flipped.tobytes())
        refused("")
