"""Where files come from, and that no damaged one is ever used."""

import hashlib
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from msrnn_keras.presets import download
from msrnn_keras.presets.download import (
    PresetFileError,
    describe,
    fetch,
    locate,
)
from msrnn_keras.presets.registry import Preset
from msrnn_keras.utils import downloads

pytestmark = pytest.mark.backend_free

CONTENT = bytes(range(256)) * 1000
NAME = "model.weights.h5"
FOLDER = "mim/mnist/base/1"


@pytest.fixture
def source(tmp_path):
    """A folder that holds the preset's file."""
    path = tmp_path / "source" / FOLDER / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return tmp_path / "source"


@pytest.fixture
def preset(source):
    files = {NAME: describe(source / FOLDER / NAME)}
    return Preset(*FOLDER.split("/"), files, 1, {})


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def get(preset, tmp_path, cache):
    """Locates the file where no preset came with the package."""

    def get(base_url, cache_dir=cache):
        return locate(preset, NAME, tmp_path / "none", cache_dir, base_url)

    return get


def everything_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_describe(source):
    assert describe(source / FOLDER / NAME) == {
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "bytes": 256000,
    }


def test_in_place(preset, source, cache):
    found = locate(preset, NAME, source, cache)
    assert found == source / FOLDER / NAME
    assert not cache.exists()


@pytest.mark.parametrize("damaged", [CONTENT[:-1], CONTENT[:-1] + b"x"])
def test_damaged_in_place(preset, source, damaged):
    path = source / FOLDER / NAME
    path.write_bytes(damaged)
    with pytest.raises(PresetFileError, match=rf"{path} is damaged.*Received"):
        locate(preset, NAME, source)


@pytest.mark.parametrize("kind", ["http", "http/", "file", "folder"])
def test_fetched_once_into_the_cache(get, source, cache, serve, kind):
    base_url = {
        "http": serve(source),
        "http/": serve(source) + "/",
        "file": source.as_uri(),
        "folder": source,
    }[kind]
    path = get(base_url)
    assert path == cache / FOLDER / NAME
    assert path.read_bytes() == CONTENT
    assert everything_in(cache) == [path]
    shutil.rmtree(source)
    assert get(base_url) == path


@pytest.mark.parametrize("damaged", [b"", CONTENT[:-1] + b"x"])
def test_damaged_in_the_cache_is_fetched_again(get, source, cache, damaged):
    path = cache / FOLDER / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(damaged)
    assert get(source).read_bytes() == CONTENT


def test_truncated_download(get, source, cache, serve):
    url = serve(source, truncate=True)
    with pytest.raises(
        PresetFileError, match=rf"{url}/{FOLDER}/{NAME} gave .*128000 of 256000"
    ):
        get(url)
    assert everything_in(cache) == []


def test_a_download_without_end(get, source, cache, serve, monkeypatch):
    reads = []
    read = downloads._read
    monkeypatch.setattr(
        downloads,
        "_read",
        lambda *args: reads.append(read(*args)) or reads[-1],
    )
    with pytest.raises(PresetFileError, match="longer than the 256000 bytes"):
        get(serve(source, endless=True))
    assert sum(map(len, reads)) == 256_001
    assert everything_in(cache) == []


def test_other_content_of_the_same_size(get, source, cache):
    (source / FOLDER / NAME).write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(PresetFileError, match="SHA-256"):
        get(source)
    assert everything_in(cache) == []


@pytest.mark.parametrize("error", [ConnectionResetError, KeyboardInterrupt])
def test_interrupted_download(get, source, cache, monkeypatch, error):
    def break_off(response, most):
        if response.tell():
            raise error("in the middle")
        return response.read(1000)

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "_read", break_off)
        with pytest.raises(
            (PresetFileError, KeyboardInterrupt), match="middle"
        ):
            get(source)
    assert everything_in(cache) == []
    assert get(source).read_bytes() == CONTENT


def test_nothing_there(get, cache, tmp_path, serve):
    for base_url in (tmp_path / "missing", serve(tmp_path) + "/missing"):
        with pytest.raises(PresetFileError) as caught:
            get(base_url)
        for part in (f"missing/{FOLDER}/{NAME}", "base_url", "Received: "):
            assert part in str(caught.value)
        assert isinstance(caught.value, OSError)
    assert everything_in(cache) == []


def test_no_server(get):
    with pytest.raises(PresetFileError, match="http://127.0.0.1:9/.*Received"):
        get("http://127.0.0.1:9")


def test_unknown_kind_of_address(get):
    with pytest.raises(ValueError, match="Received: base_url='ftp://x'"):
        get("ftp://x")


def test_environment(preset, source, tmp_path, monkeypatch):
    monkeypatch.setenv("MSRNN_KERAS_BASE_URL", source.as_uri())
    first = locate(preset, NAME, tmp_path / "none")
    assert first == tmp_path / "keras" / "msrnn_keras" / FOLDER / NAME
    monkeypatch.setenv("MSRNN_KERAS_CACHE", str(tmp_path / "mine"))
    second = locate(preset, NAME, tmp_path / "none")
    assert second == tmp_path / "mine" / FOLDER / NAME
    assert second.read_bytes() == CONTENT


def test_concurrent_fetches(preset, source, cache):
    path = cache / FOLDER / NAME
    url = (source / FOLDER / NAME).as_uri()
    together = threading.Barrier(8)

    def work(_):
        together.wait()
        fetch(url, path, preset.files[NAME])
        return path.read_bytes() == CONTENT

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert everything_in(cache) == [path]


def test_what_a_killed_call_left_behind_is_swept_away(get, source, cache):
    folder = cache / FOLDER
    folder.mkdir(parents=True)
    (folder / f".{NAME}.{'0' * 32}").write_bytes(CONTENT[:100])
    others = [folder / f".config.json.{'0' * 32}", folder / f".{NAME}.mine"]
    for path in others:
        path.write_bytes(b"{")
    assert everything_in(cache) != sorted(others)
    path = get(source)
    assert everything_in(cache) == sorted([*others, path])


def test_a_copy_may_be_swept_away_by_another_call(
    preset, source, cache, monkeypatch
):
    url, path = (source / FOLDER / NAME).as_uri(), cache / FOLDER / NAME
    real = download._download

    def slow(url, temporary, size):
        real(url, temporary, size)
        monkeypatch.undo()
        fetch(url, path, preset.files[NAME])  # the other call
        assert not temporary.exists()

    monkeypatch.setattr(download, "_download", slow)
    fetch(url, path, preset.files[NAME])
    assert everything_in(cache) == [path]
    # Without the file in its place it is an error.
    path.unlink()
    monkeypatch.setattr(download, "_download", lambda *args: None)
    with pytest.raises(FileNotFoundError):
        fetch(url, path, preset.files[NAME])
