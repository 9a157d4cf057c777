"""Downloads end, whatever the server does."""

import functools
import http.server
import io
import sys
import threading
import types

import pytest

from msrnn_keras.utils import downloads
from msrnn_keras.utils.downloads import download

pytestmark = pytest.mark.backend_free


@pytest.fixture
def serve(monkeypatch):
    """Answers with what a function writes; gives the address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(write, length=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                self.send_response(200)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                try:
                    write(self.wfile)
                except OSError:
                    pass  # The client hung up.

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/file"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def endlessly(file):
    while True:
        file.write(bytes(1 << 16))


def whole(file, count=1000):
    file.write(bytes(range(250)) * (count // 250))


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on by some seconds each time one looks at it."""
    clock = types.SimpleNamespace(now=0.0, step=1.0)

    def monotonic():
        clock.now += clock.step
        return clock.now

    fake = types.SimpleNamespace(monotonic=monotonic)
    monkeypatch.setattr(downloads, "time", fake)
    return clock


@pytest.fixture
def slow(monkeypatch):
    """A server of 10,000 bytes that come one by one."""
    response = io.BytesIO(bytes(10_000))
    response.headers = {}
    monkeypatch.setattr(downloads, "_open", lambda *args: response)
    monkeypatch.setattr(downloads, "CHUNK", 1)
    return response


@pytest.mark.parametrize("length", [None, 1000])
@pytest.mark.parametrize("size", [None, 1000])
def test_a_file_is_copied(serve, tmp_path, length, size):
    download(serve(whole, length), tmp_path / "a", size)
    assert (tmp_path / "a").read_bytes() == bytes(range(250)) * 4


def test_a_file_url_is_copied(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    download((tmp_path / "a").as_uri(), tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"abc"
    with pytest.raises(OSError, match="none"):
        download((tmp_path / "none").as_uri(), tmp_path / "c")


@pytest.mark.parametrize("size", [0, 10_003])
def test_an_endless_body_ends_at_the_known_size(serve, tmp_path, size):
    with pytest.raises(OSError, match=f"longer than the {size} bytes"):
        download(serve(endlessly), tmp_path / "a", size)
    assert (tmp_path / "a").stat().st_size <= size


def test_an_endless_body_ends_where_no_size_is_known(
    serve, tmp_path, monkeypatch
):
    monkeypatch.setattr(downloads, "LARGEST", 100_000)
    with pytest.raises(OSError, match="longer than the 100000 bytes"):
        download(serve(endlessly), tmp_path / "a")
    assert (tmp_path / "a").stat().st_size <= 100_000


def test_a_body_cut_off_is_an_error(serve, tmp_path):
    with pytest.raises(OSError, match="ended after 1000 of 2000 bytes"):
        download(serve(whole, 2000), tmp_path / "a")


def test_a_byte_a_second_does_not_last_for_hours(slow, clock, tmp_path):
    with pytest.raises(TimeoutError, match="too slow: 61 bytes in 61 s"):
        download("", tmp_path / "a", 10_000)
    assert slow.closed


def test_time_is_allowed_for_what_comes(slow, clock, tmp_path):
    clock.step = 60 / 10_000 + 1 / downloads.SLOWEST
    download("", tmp_path / "a", 10_000)
    assert (tmp_path / "a").stat().st_size == 10_000


def test_the_time_may_be_set(slow, clock, tmp_path, monkeypatch):
    monkeypatch.setenv(downloads.ENVIRONMENT, "9")
    with pytest.raises(TimeoutError, match="10 bytes in 10 s"):
        download("", tmp_path / "a", 10_000)
    slow.__init__(bytes(10_000))
    monkeypatch.setenv(downloads.ENVIRONMENT, "20000")
    download("", tmp_path / "b", 10_000)
    monkeypatch.setenv(downloads.ENVIRONMENT, "long")
    with pytest.raises(ValueError, match="seconds. Received: 'long'"):
        downloads._allowed(0)


def test_a_server_that_does_not_answer(monkeypatch, tmp_path):
    waiting = threading.Event()
    monkeypatch.setattr(
        downloads.urllib.request, "urlopen", lambda *a, **k: waiting.wait(60)
    )
    with pytest.raises(TimeoutError, match="no answer after 0.01 s"):
        download("http://127.0.0.1/a", tmp_path / "a", answer=0.01)
    waiting.set()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_of_a_large_file_on_a_terminal(
    serve, tmp_path, monkeypatch, capsys, terminal
):
    monkeypatch.setattr(downloads, "SHOWN", 500)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    download(serve(whole), tmp_path / "a", 1000)
    download(serve(functools.partial(whole, count=250)), tmp_path / "b", 250)
    assert ("1000/1000" in capsys.readouterr().out) == terminal
