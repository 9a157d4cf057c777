"""The Hugging Face Hub, replaced by a folder."""

import hashlib
import inspect
import json
import shutil
import sys
import types

import numpy as np
import pytest

import zoo
from msrnn_keras.presets import hub
from msrnn_keras.presets.download import PresetFileError
from tests.presets_fixtures import assert_same_weights

pytestmark = pytest.mark.backend_free

TINY = "presets/convlstm/mnist/tiny/1"
FILES = ["README.md", "config.json", "metadata.json", "model.weights.h5"]


@pytest.fixture
def client(tmp_path, monkeypatch):
    """A stub of `huggingface_hub` that records its calls."""
    calls = []

    def create_repo(**kwargs):
        calls.append(("create_repo", kwargs))

    def upload_folder(**kwargs):
        calls.append(("upload_folder", kwargs))
        shutil.copytree(kwargs["folder_path"], tmp_path / kwargs["repo_id"])

    def snapshot_download(**kwargs):
        calls.append(("snapshot_download", kwargs))
        source = tmp_path / kwargs["repo_id"]
        if not source.is_dir():
            raise OSError("404: repository not found")
        snapshot = tmp_path / "snapshot"
        snapshot.mkdir(exist_ok=True)
        for pattern in kwargs["allow_patterns"]:
            for path in source.glob(pattern):
                shutil.copy(path, snapshot)
        return str(snapshot)

    client = types.SimpleNamespace(**locals())
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    return client


def test_round_trip(client, published, tmp_path, monkeypatch):
    before = (published / TINY / "README.md").read_bytes()
    address = hub.push(published / TINY, "user/tiny", private=True)
    assert address == "hf://user/tiny"
    assert (published / TINY / "README.md").read_bytes() == before
    (tmp_path / "user/tiny/payload.py").write_text("raise SystemExit")
    loaded = zoo.load(f"{address}@v1", cache_dir=tmp_path / "cache")
    assert sorted(p.name for p in (tmp_path / "snapshot").iterdir()) == FILES
    assert_same_weights(loaded, zoo.load(published / TINY))
    (_, created), (_, uploaded), (_, fetched) = client.calls
    repo = {"repo_id": "user/tiny"}
    assert created == {**repo, "private": True, "exist_ok": True}
    assert uploaded["repo_id"] == fetched["repo_id"] == "user/tiny"
    assert fetched["revision"] == "v1"
    assert fetched["cache_dir"] == tmp_path / "cache"
    hub.pull("user/tiny", np.int64(5))
    assert client.calls[-1][1]["revision"] == "5"
    # The calls fit the real client.
    monkeypatch.delitem(sys.modules, "huggingface_hub")
    module = pytest.importorskip("huggingface_hub")
    for name, kwargs in client.calls:
        inspect.signature(getattr(module, name)).bind(**kwargs)


def test_the_header_of_the_card(client, published, tmp_path):
    yaml = pytest.importorskip("yaml")
    hub.push(published / TINY, "user/tiny")
    card = (tmp_path / "user/tiny/README.md").read_text(encoding="utf-8")
    empty, header, rest = card.split("---\n")
    assert (empty, rest) == ("", "\n# Card\n")
    tags = "msrnn-keras keras video-prediction convlstm mnist"
    assert yaml.safe_load(header) == {
        "license": "apache-2.0",
        "library_name": "keras",
        "tags": tags.split(),
        "datasets": ["ylecun/mnist"],
    }
    # A header that is there is kept.
    shutil.move(tmp_path / "user/tiny", tmp_path / "again")
    hub.push(tmp_path / "again", "user/again")
    assert (tmp_path / "user/again/README.md").read_text() == card


def test_the_header_has_the_test_scores():
    card = pytest.importorskip("huggingface_hub").ModelCard
    metadata = zoo.info("ms-convlstm/mnist/small")
    data = card(hub.front_matter(metadata)).data
    assert data.model_name == "ms-convlstm"
    scores = metadata["scores"]["test"]["forecast"]
    found = {row.metric_type: row.metric_value for row in data.eval_results}
    assert found == {key: scores[key] for key in "mse mae ssim psnr".split()}
    (row, *_) = data.eval_results
    assert (row.dataset_type, row.dataset_split) == ("ylecun/mnist", "test")


def test_licenses():
    yaml = pytest.importorskip("yaml")
    metadata = {"model": "ms-predrnn++", "dataset": "kth"}
    terms = "Weights: Apache-2.0. MNIST: CC BY-SA 3.0", 'Mine: "ask"'
    free, other = (
        yaml.safe_load(
            hub.front_matter({**metadata, "license": x}).strip("-\n")
        )
        for x in terms
    )
    assert free["license"] == "apache-2.0" and "license_name" not in free
    assert (other["license"], other["license_name"]) == ("other", terms[1])
    assert other["datasets"] == ["kth"]


def test_a_broken_preset_is_not_uploaded(client, published, tmp_path):
    for name, error in (
        ("README.md", PresetFileError),
        ("model.weights.h5", PresetFileError),
        ("config.json", ValueError),
        ("metadata.json", ValueError),
    ):
        folder = tmp_path / name
        shutil.copytree(published / TINY, folder)
        if error is ValueError:
            (folder / name).write_text("{}")
        else:
            (folder / name).unlink()
        with pytest.raises(error, match=f"{name}.*Received: "):
            hub.push(folder, "user/tiny")
    assert client.calls == []


def test_repositories_that_cannot_be_fetched(client, published, tmp_path):
    with pytest.raises(
        PresetFileError, match="user/none .*Received: OSError: 404"
    ):
        zoo.load("hf://user/none")
    hub.push(published / TINY, "user/tiny")
    (tmp_path / "user/tiny/model.weights.h5").unlink()
    with pytest.raises(PresetFileError, match="model.weights.h5 is not there"):
        zoo.load("hf://user/tiny")


@pytest.mark.parametrize("kind", ["stalled", "html"])
def test_other_errors_of_the_client_are_one_sentence(client, kind):
    class ReadTimeout(Exception):
        """An error of the HTTP client of `huggingface_hub`."""

    def fail(**kwargs):
        if kind == "html":
            json.loads("<html>")
        raise ReadTimeout("The read operation\ntimed out")

    client.snapshot_download = fail
    name = {"stalled": "ReadTimeout", "html": "JSONDecodeError"}[kind]
    with pytest.raises(PresetFileError, match=f"Received: {name}: ") as error:
        hub.pull("user/tiny")
    assert "\n" not in str(error.value) and error.value.__suppress_context__


def test_addresses(monkeypatch):
    assert hub.parse("hf://user/a.b-c_d") == ("user/a.b-c_d", None)
    assert hub.parse("hf://user/a@refs/pr/1") == ("user/a", "refs/pr/1")
    for path in ("", "user", "user/a/b", "user/a@", "../a", "a/b..c", "a\\b/c"):
        with pytest.raises(ValueError, match="USER/NAME.*Received: "):
            hub.parse(f"hf://{path}")
    with pytest.raises(ValueError, match="USER/NAME.*Received: "):
        hub.parse("a/b")
    with pytest.raises(ValueError, match="once.*revision='v2'"):
        zoo.load("hf://user/a@v1", revision="v2")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"msrnn-keras\[hub\].*Received: "):
        zoo.load("hf://user/a")


def test_invalid_revisions(client):
    paths = "../../x /etc a/../../b .. .hidden a//b a/ a\\b C:x v1@v2".split()
    for revision in (*paths, "a b", "v1\n", "", True, -1, 1.5):
        with pytest.raises(ValueError, match="Received: revision="):
            hub.pull("user/tiny", revision)
    with pytest.raises(ValueError, match="Received: revision="):
        zoo.load("hf://user/tiny@../x")
    with pytest.raises(ValueError, match="USER/NAME.*Received: "):
        zoo.load("hf://a/..")
    assert client.calls == []


@pytest.fixture
def cached(tmp_path, monkeypatch, published):
    """A cache as `huggingface_hub` keeps it, and the calls of its client."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "1"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    contents, forced = {}, []
    for name in FILES:
        data = (published / TINY / name).read_bytes()
        digest = hashlib.sha256(data)  # of large files
        if not name.endswith(".h5"):
            digest = hashlib.sha1(b"blob %d\0" % len(data) + data)
        blob = blobs / digest.hexdigest()
        blob.write_bytes(data)
        (snapshot / name).symlink_to(blob)
        contents[name] = blob, data

    def snapshot_download(force_download=False, **kwargs):
        forced.append(force_download)
        if force_download:
            for blob, data in contents.values():
                blob.write_bytes(data)
        return str(snapshot)

    client = types.SimpleNamespace(**locals())
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    return client


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_fetched_again(cached, name):
    assert hub.pull("user/tiny") == cached.snapshot
    assert cached.forced == [False]
    blob, data = cached.contents[name]
    blob.write_bytes(b"x" * len(data))
    folder = hub.pull("user/tiny")
    assert (folder / name).read_bytes() == data
    assert cached.forced == [False, False, True]
    # The repository itself is damaged.
    junk = b"x" * len(data)
    blob.write_bytes(junk)
    cached.contents[name] = blob, junk
    with pytest.raises(PresetFileError, match=f"Received: .*{name}"):
        hub.pull("user/tiny")
    assert cached.forced[-2:] == [False, True]
