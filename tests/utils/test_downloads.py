"""Downloads end, whatever the server does."""

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
    """Answer with what a function writes; return the address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(write, length=None, refusals=()):
        refusals = list(refusals)

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_GET(self):
                if refusals:
                    code, wait = refusals.pop(0)
                    self.send_response(code)
                    if wait is not None:
                        self.send_header("Retry-After", wait)
                    self.end_headers()
                    return
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


def whole(file):
    file.write(bytes(range(250)) * 4)


@pytest.fixture
def clock(monkeypatch):
    """A clock that advances by some seconds at each look."""
    clock = types.SimpleNamespace(now=0.0, step=1.0)

    def monotonic():
        clock.now += clock.step
        return clock.now

    fake = types.SimpleNamespace(monotonic=monotonic)
    monkeypatch.setattr(downloads, "time", fake)
    return clock


@pytest.fixture
def slow(monkeypatch):
    """A server that sends 10,000 bytes one by one."""
    response = io.BytesIO(bytes(10_000))
    response.headers = {}
    monkeypatch.setattr(downloads, "_open", lambda *args: response)
    monkeypatch.setattr(downloads, "CHUNK", 1)
    return response


def test_a_file_is_copied(serve, tmp_path):
    cases = (None, None), (None, 1000), (1000, None), (1000, 1000)
    for i, (length, size) in enumerate(cases):
        download(serve(whole, length), tmp_path / f"{i}", size)
        assert (tmp_path / f"{i}").read_bytes() == bytes(range(250)) * 4
    download((tmp_path / "0").as_uri(), tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == bytes(range(250)) * 4
    with pytest.raises(OSError, match="none"):
        download((tmp_path / "none").as_uri(), tmp_path / "c")
    with pytest.raises(OSError, match="ended after 1000 of 2000 bytes"):
        download(serve(whole, 2000), tmp_path / "d")


@pytest.mark.parametrize("size", [0, 10_003, None])
def test_an_endless_body_ends(serve, tmp_path, monkeypatch, size):
    monkeypatch.setattr(downloads, "LARGEST", 100_000)
    limit = 100_000 if size is None else size
    with pytest.raises(OSError, match=f"longer than the {limit} bytes"):
        download(serve(endlessly), tmp_path / "a", size)
    assert (tmp_path / "a").stat().st_size == 0


def test_a_slow_server_is_given_up(slow, clock, tmp_path, monkeypatch):
    with pytest.raises(TimeoutError, match="too slow: 61 bytes in 61 s"):
        download("", tmp_path / "a", 10_000)
    assert slow.closed
    # The environment sets the allowed time.
    slow.__init__(bytes(10_000))
    monkeypatch.setenv(downloads.ENVIRONMENT, "9")
    with pytest.raises(TimeoutError, match="10 bytes in 10 s"):
        download("", tmp_path / "b", 10_000)
    monkeypatch.setenv(downloads.ENVIRONMENT, "long")
    with pytest.raises(ValueError, match="seconds. Received: 'long'"):
        downloads._allowed(0)


def test_the_allowed_time_grows_with_the_received_bytes(slow, clock, tmp_path):
    clock.step = 60 / 10_000 + 1 / downloads.SLOWEST
    download("", tmp_path / "a", 10_000)
    assert (tmp_path / "a").stat().st_size == 10_000


def test_a_server_that_does_not_answer(monkeypatch, tmp_path):
    waiting = threading.Event()
    monkeypatch.setattr(
        downloads.urllib.request, "urlopen", lambda *a, **k: waiting.wait(60)
    )
    with pytest.raises(TimeoutError, match="no answer after 0.01 s"):
        download("http://127.0.0.1/a", tmp_path / "a", answer=0.01)
    waiting.set()


def test_progress_of_a_large_file_on_a_terminal(
    serve, tmp_path, monkeypatch, capsys
):
    for terminal, shown in ((True, 500), (True, 2000), (False, 500)):
        monkeypatch.setattr(downloads, "SHOWN", shown)
        monkeypatch.setattr(sys.stderr, "isatty", lambda x=terminal: x)
        download(serve(whole), tmp_path / f"{terminal}-{shown}", 1000)
        printed = capsys.readouterr()
        assert printed.out == ""
        printed = "downloading file: 1,000/1,000 bytes" in printed.err
        assert printed == (terminal and shown == 500)


@pytest.fixture
def ranged(monkeypatch):
    """Answer with 1,000 bytes, or a range of them; return address and log."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    content, asked, options = bytes(range(250)) * 4, [], {"shift": 0}

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            place = self.headers.get("Range")
            asked.append(place)
            first = int(place[6:-1]) if place else 0
            if first >= 1000:
                self.send_error(416)
                return
            self.send_response(206 if place else 200)
            first += options["shift"] if place else 0
            if place:
                self.send_header("Content-Range", f"bytes {first}-999/1000")
            self.send_header("Content-Length", str(1000 - first))
            self.end_headers()
            self.wfile.write(content[first:])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/file"
        yield types.SimpleNamespace(url=address, asked=asked, options=options)
        server.shutdown()


def test_a_file_is_continued_where_it_ended(ranged, serve, tmp_path):
    path, content = tmp_path / "a", bytes(range(250)) * 4
    for have, size, asked in (
        (600, 1000, ["bytes=600-"]),
        (600, None, ["bytes=600-"]),
        (1000, 1000, ["bytes=1000-", None]),
        (0, 1000, [None]),
    ):
        path.write_bytes(content[:have])
        ranged.asked.clear()
        download(ranged.url, path, size)
        assert path.read_bytes() == content
        assert ranged.asked == asked
    # Other bytes than asked for, and a server that knows no ranges.
    ranged.options["shift"] = 7
    for url in (ranged.url, serve(whole, 1000)):
        path.write_bytes(b"x" * 600)
        download(url, path, 1000)
        assert path.read_bytes() == content


def test_temporary_errors_are_tried_again(serve, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(downloads.time, "sleep", waits.append)
    refusals = (500, None), (503, "7")
    download(serve(whole, 1000, refusals), tmp_path / "a", 1000)
    assert (tmp_path / "a").stat().st_size == 1000 and waits == [1, 7]
    for refusals, count in (([(503, "9999")] * 3, 2), ([(404, None)], 0)):
        waits.clear()
        with pytest.raises(OSError, match="HTTP Error"):
            download(serve(whole, 1000, refusals), tmp_path / "b", 1000)
        assert waits == [downloads.LONGEST_WAIT] * count
    assert not (tmp_path / "b").exists()
