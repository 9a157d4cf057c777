"""The Hugging Face Hub, replaced by a folder."""

import fnmatch
import hashlib
import inspect
import shutil
import sys
import types

import numpy as np
import pytest

import zoo
from msrnn_keras.presets import hub
from msrnn_keras.presets.download import PresetFileError

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
        snapshot.mkdir()
        for path in source.iterdir():
            patterns = kwargs["allow_patterns"]
            if any(fnmatch.fnmatch(path.name, p) for p in patterns):
                shutil.copy(path, snapshot)
        return str(snapshot)

    client = types.SimpleNamespace(
        create_repo=create_repo,
        upload_folder=upload_folder,
        snapshot_download=snapshot_download,
        calls=calls,
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    return client


def test_round_trip(client, published, tmp_path, past):
    before = (published / TINY / "README.md").read_bytes()
    address = hub.push(published / TINY, "user/tiny", private=True)
    assert address == "hf://user/tiny"
    assert (published / TINY / "README.md").read_bytes() == before
    (tmp_path / "user/tiny/payload.py").write_text("raise SystemExit")
    loaded = zoo.load(f"{address}@v1", cache_dir=tmp_path / "cache")
    assert sorted(p.name for p in (tmp_path / "snapshot").iterdir()) == FILES
    expected = zoo.load(published / TINY).predict(past, verbose=0)
    np.testing.assert_array_equal(loaded.predict(past, verbose=0), expected)
    (_, created), (_, uploaded), (_, fetched) = client.calls
    assert created == {
        "repo_id": "user/tiny",
        "private": True,
        "exist_ok": True,
    }
    assert uploaded["repo_id"] == fetched["repo_id"] == "user/tiny"
    assert fetched["revision"] == "v1"
    assert fetched["cache_dir"] == tmp_path / "cache"


@pytest.mark.backend_free
def test_the_calls_fit_the_real_client(client, published, monkeypatch):
    hub.push(published / TINY, "user/tiny")
    zoo.load("hf://user/tiny", weights=False, revision="main")
    real = {}
    monkeypatch.delitem(sys.modules, "huggingface_hub")
    module = pytest.importorskip("huggingface_hub")
    for name, kwargs in client.calls:
        real[name] = inspect.signature(getattr(module, name))
        real[name].bind(**kwargs)
    assert set(real) == {"create_repo", "upload_folder", "snapshot_download"}


@pytest.mark.backend_free
def test_the_header_of_the_card(client, published, tmp_path):
    yaml = pytest.importorskip("yaml")
    hub.push(published / TINY, "user/tiny")
    card = (tmp_path / "user/tiny/README.md").read_text(encoding="utf-8")
    empty, header, rest = card.split("---\n")
    assert (empty, rest) == ("", "\n# Card\n")
    assert yaml.safe_load(header) == {
        "license": "apache-2.0",
        "library_name": "keras",
        "tags": [
            "msrnn-keras",
            "keras",
            "video-prediction",
            "convlstm",
            "mnist",
        ],
        "datasets": ["ylecun/mnist"],
    }
    # A header that is there is kept.
    shutil.move(tmp_path / "user/tiny", tmp_path / "again")
    hub.push(tmp_path / "again", "user/again")
    assert (tmp_path / "user/again/README.md").read_text() == card


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "terms, expected",
    [
        ("Apache-2.0", "apache-2.0"),
        ("Weights: Apache-2.0. MNIST: CC BY-SA 3.0", "apache-2.0"),
        ('Mine: "ask"', "other"),
    ],
)
def test_licenses(terms, expected):
    yaml = pytest.importorskip("yaml")
    metadata = {"model": "ms-predrnn++", "dataset": "kth", "license": terms}
    header = yaml.safe_load(hub.front_matter(metadata).strip("-\n"))
    assert header["license"] == expected
    assert header.get("license_name", terms) == terms
    assert ("license_name" in header) == (expected == "other")
    assert header["datasets"] == ["kth"]


@pytest.mark.backend_free
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


@pytest.mark.backend_free
def test_repositories_that_cannot_be_fetched(client, published, tmp_path):
    with pytest.raises(PresetFileError, match="user/none .*Received: 404"):
        zoo.load("hf://user/none")
    hub.push(published / TINY, "user/tiny")
    (tmp_path / "user/tiny/model.weights.h5").unlink()
    with pytest.raises(PresetFileError, match="model.weights.h5 is not there"):
        zoo.load("hf://user/tiny")


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "address",
    ["hf://", "hf://user", "hf://user/a/b", "hf://user/a@", "hf://../a", "a/b"],
)
def test_invalid_addresses(address):
    with pytest.raises(ValueError, match="USER/NAME.*Received: "):
        hub.parse(address)


@pytest.mark.backend_free
def test_addresses():
    assert hub.parse("hf://user/a.b-c_d") == ("user/a.b-c_d", None)
    assert hub.parse("hf://user/a@refs/pr/1") == ("user/a", "refs/pr/1")
    with pytest.raises(ValueError, match="once.*revision='v2'"):
        zoo.load("hf://user/a@v1", revision="v2")


@pytest.mark.backend_free
def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"msrnn-keras\[hub\].*Received: "):
        zoo.load("hf://user/a")


REVISIONS = (
    """
../../../x /etc a/../../b .. .hidden a//b a/ a\\b C:x v1@v2
""".split()
    + ["a b", "v1\n", "", True, -1, 1.5]
)


@pytest.mark.backend_free
@pytest.mark.parametrize("revision", REVISIONS)
def test_invalid_revisions(client, revision, tmp_path):
    with pytest.raises(ValueError, match="Received: revision="):
        hub.pull("user/tiny", revision, tmp_path / "cache")
    if revision and isinstance(revision, str):
        with pytest.raises(ValueError, match="Received: revision="):
            zoo.load(f"hf://user/tiny@{revision}")
    assert client.calls == []


@pytest.mark.backend_free
@pytest.mark.parametrize("name", ["a/..", "a/b..c", "a/.b", "/a", "a\\b/c"])
def test_invalid_names(client, name):
    with pytest.raises(ValueError, match="USER/NAME.*Received: "):
        zoo.load(f"hf://{name}")
    assert client.calls == []


@pytest.mark.backend_free
@pytest.mark.parametrize("revision", [5, np.int64(5)])
def test_a_revision_may_be_a_number(client, published, revision):
    hub.push(published / TINY, "user/tiny")
    zoo.load("hf://user/tiny", weights=False, revision=revision)
    assert client.calls[-1][1]["revision"] == "5"


@pytest.fixture
def cached(tmp_path, monkeypatch, published):
    """A cache as `huggingface_hub` keeps it, and the calls of its client."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "1"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    contents = {}
    for name in FILES:
        data = (published / TINY / name).read_bytes()
        digest = hashlib.sha256(data)  # of large files
        if not name.endswith(".h5"):
            digest = hashlib.sha1(b"blob %d\0" % len(data) + data)
        blob = blobs / digest.hexdigest()
        blob.write_bytes(data)
        (snapshot / name).symlink_to(blob)
        contents[name] = blob, data
    forced = []

    def snapshot_download(force_download=False, **kwargs):
        forced.append(force_download)
        if force_download:
            for blob, data in contents.values():
                blob.write_bytes(data)
        return str(snapshot)

    client = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    return types.SimpleNamespace(
        forced=forced, contents=contents, folder=snapshot
    )


@pytest.mark.backend_free
def test_undamaged_files_are_not_fetched_again(cached):
    assert hub.pull("user/tiny") == cached.folder
    assert cached.forced == [False]


@pytest.mark.backend_free
@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_fetched_again(cached, name):
    blob, data = cached.contents[name]
    blob.write_bytes(b"x" * len(data))
    folder = hub.pull("user/tiny")
    assert (folder / name).read_bytes() == data
    assert cached.forced == [False, True]


@pytest.mark.backend_free
def test_a_damaged_repository_is_refused(cached):
    blob, data = cached.contents["model.weights.h5"]
    junk = b"x" * len(data)
    blob.write_bytes(junk)
    cached.contents["model.weights.h5"] = blob, junk
    with pytest.raises(PresetFileError, match="Received: .*model.weights.h5"):
        zoo.load("hf://user/tiny")
    assert cached.forced == [False, True]
