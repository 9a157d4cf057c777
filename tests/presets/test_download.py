"""Where files come from, and that no damaged one is ever used."""

import errno
import functools
import hashlib
import http.server
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from msrnn_keras.presets import download
from msrnn_keras.presets.download import PresetFileError, locate
from msrnn_keras.presets.registry import Preset
from msrnn_keras.utils import downloads
from tests.presets_fixtures import files_in

pytestmark = pytest.mark.backend_free

CONTENT = bytes(range(256)) * 1000
NAME = "model.weights.h5"
FOLDER = "mim/mnist/base/1"
PART = f"part-{hashlib.sha256(CONTENT).hexdigest()[:16]}-{NAME}"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / FOLDER / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return tmp_path / "source"


@pytest.fixture
def preset(source):
    files = {NAME: download.describe(source / FOLDER / NAME)}
    return Preset(*FOLDER.split("/"), files, 1, {})


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def get(preset, tmp_path, cache):
    """Locate the file of a preset that is not in the package."""
    return functools.partial(locate, preset, NAME, tmp_path / "none", cache)


def test_in_the_package(preset, source, cache):
    path = source / FOLDER / NAME
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    assert download.describe(path) == {"sha256": sha256, "bytes": 256000}
    assert locate(preset, NAME, source, cache) == path
    assert not cache.exists()
    for damaged in (CONTENT[:-1], CONTENT[:-1] + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(PresetFileError, match=rf"{path} is dam.*Received"):
            locate(preset, NAME, source)


def test_fetched_once_into_the_cache(get, source, cache, serve):
    path, url = cache / FOLDER / NAME, serve(source)
    for base_url in (url, f"{url}/", source.as_uri(), source):
        assert get(base_url) == path
        assert path.read_bytes() == CONTENT
        assert files_in(cache) == [path]
        path.write_bytes(CONTENT[:-1] + b"x")  # damaged, and fetched again
    assert get(url).read_bytes() == CONTENT
    shutil.rmtree(source)
    assert get(url) == path


def test_wrong_content_is_not_written(get, source, cache, serve):
    url = serve(source)
    for content, message in (
        (CONTENT[:128000], "ended after 128000 of 256000 bytes"),
        (CONTENT + b"x", "longer than the 256000 bytes"),
        (CONTENT[:-1] + b"x", "SHA-256.*Received: 256000 of 256000"),
    ):
        (source / FOLDER / NAME).write_bytes(content)
        with pytest.raises(PresetFileError, match=message):
            get(url)
        kept = [path.name for path in files_in(cache)]
        assert kept == ([PART] if len(content) < len(CONTENT) else [])


@pytest.mark.parametrize("error", [ConnectionResetError, KeyboardInterrupt])
def test_an_interrupted_download(get, source, cache, monkeypatch, error):
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
    (part,) = files_in(cache)
    assert part.name == PART and part.read_bytes() == CONTENT[:1000]
    assert get(source).read_bytes() == CONTENT
    assert [path.name for path in files_in(cache)] == [NAME]


def test_a_kept_part_is_continued_and_checked(get, source, cache, serve):
    path = cache / FOLDER / NAME
    path.parent.mkdir(parents=True)
    part, other = (
        path.with_name(PART),
        path.with_name(f"part-{'0' * 16}-{NAME}"),
    )
    other.write_bytes(b"of another revision")
    part.write_bytes(b"x" * 1000)
    with Ranged(source) as url:
        with pytest.raises(PresetFileError, match="SHA-256 differs"):
            get(url)
        assert files_in(cache) == [other]  # The wrong part is gone.
        part.write_bytes(CONTENT[:1000])
        assert get(url).read_bytes() == CONTENT
    assert Ranged.firsts == [1000, 1000]
    assert files_in(cache) == [path]


class Ranged:
    """A server that gives the rest of a file."""

    firsts = []

    def __init__(self, folder):
        firsts = self.firsts
        firsts.clear()

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                first = int(self.headers["Range"][6:-1])
                firsts.append(first)
                self.send_response(206)
                place = f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"
                self.send_header("Content-Range", place)
                self.end_headers()
                self.wfile.write(CONTENT[first:])

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        run = threading.Thread(target=self.server.serve_forever, daemon=True)
        run.start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_a_cache_that_cannot_be_written(get, source, cache, monkeypatch):
    path = cache / FOLDER / NAME
    path.mkdir(parents=True)
    with pytest.raises(PresetFileError, match=f"{path} must be.*Received: "):
        get(source)
    shutil.rmtree(cache)
    cache.write_bytes(b"a file")
    with pytest.raises(PresetFileError, match="MSRNN_KERAS_CACHE.*Received: "):
        get(source)
    cache.unlink()
    real = downloads.open if hasattr(downloads, "open") else open

    def read_only(path, mode="r", **options):
        if set(mode) & set("wxa"):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, mode, **options)

    monkeypatch.setattr(downloads, "open", read_only, raising=False)
    with pytest.raises(PresetFileError, match="MSRNN_KERAS_CACHE.*Read-only"):
        get(source)
    assert files_in(cache) == []


def test_control_characters_are_refused(preset, source, tmp_path):
    for name in ("cache_dir", "base_url"):
        for text in ("a\0b", "http://127.0.0.1/\0", "http://me:cret@x/\n"):
            with pytest.raises(ValueError, match=f"{name}.*Received: ") as e:
                locate(preset, NAME, tmp_path, **{name: text})
            assert "cret" not in str(e.value)


def test_a_missing_source(get, cache, tmp_path, serve):
    for base_url in (tmp_path / "missing", serve(tmp_path) + "/missing"):
        with pytest.raises(PresetFileError) as caught:
            get(base_url)
        for part in (f"missing/{FOLDER}/{NAME}", "base_url", "Received: "):
            assert part in str(caught.value)
        assert isinstance(caught.value, OSError)
    with pytest.raises(PresetFileError, match="http://127.0.0.1:9/.*Received"):
        get("http://127.0.0.1:9")
    with pytest.raises(ValueError, match="Received: base_url='ftp://x'"):
        get("ftp://x")
    assert files_in(cache) == []


def test_environment(preset, source, tmp_path, monkeypatch):
    monkeypatch.setenv("MSRNN_KERAS_BASE_URL", source.as_uri())
    first = locate(preset, NAME, tmp_path / "none")
    assert first == tmp_path / "keras" / "msrnn_keras" / FOLDER / NAME
    monkeypatch.setenv("MSRNN_KERAS_CACHE", str(tmp_path / "mine"))
    second = locate(preset, NAME, tmp_path / "none")
    assert second == tmp_path / "mine" / FOLDER / NAME
    assert second.read_bytes() == CONTENT


def test_concurrent_fetches(get, source, cache):
    path = cache / FOLDER / NAME
    together = threading.Barrier(8)

    def work(_):
        together.wait()
        return get(source).read_bytes() == CONTENT

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert files_in(cache) == [path]


def test_leftovers_of_a_killed_process_are_removed(get, source, cache):
    folder = cache / FOLDER
    folder.mkdir(parents=True)
    (folder / f"tmp-{'0' * 32}-{NAME}").write_bytes(CONTENT[:100])
    names = (f"tmp-{'0' * 32}-config.json", f"tmp-mine-{NAME}")
    others = [folder / name for name in names]
    for path in others:
        path.write_bytes(b"{")
    path = get(source)
    assert files_in(cache) == sorted([*others, path])


def test_another_process_may_remove_the_unfinished_file(
    preset, source, cache, monkeypatch
):
    url, path = (source / FOLDER / NAME).as_uri(), cache / FOLDER / NAME
    real = download._download

    def slow(url, temporary, *args):
        real(url, temporary, *args)
        monkeypatch.undo()
        download.fetch(url, path, preset.files[NAME])  # the other process
        assert not temporary.exists()

    monkeypatch.setattr(download, "_download", slow)
    download.fetch(url, path, preset.files[NAME])
    assert files_in(cache) == [path]
    # It is an error if the file is not there.
    path.unlink()
    monkeypatch.setattr(download, "_download", lambda *args: None)
    with pytest.raises(FileNotFoundError):
        download.fetch(url, path, preset.files[NAME])


def test_a_full_disk_is_no_network_error(get, source, cache, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "download", full)
    with pytest.raises(
        PresetFileError, match="full: free 256,000 by.*Received"
    ):
        get(source)
    assert files_in(cache) == []


def test_a_damaged_file_without_a_network_is_named(get, cache):
    path = cache / FOLDER / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    with pytest.raises(PresetFileError, match=f"{path} is damaged. Received"):
        get("http://127.0.0.1:9")
    assert path.read_bytes() == b"damaged"


def test_no_message_shows_a_password(get):
    for base_url in ("http://me:se@cret@127.0.0.1:9", "ftp://me:secret@x"):
        with pytest.raises((PresetFileError, ValueError)) as caught:
            get(base_url)
        assert "cret" not in str(caught.value)
