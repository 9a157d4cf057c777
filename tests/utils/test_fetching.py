"""Files are fetched whole or not at all, and continued."""

import functools
import hashlib
import http.server
import threading

import pytest

from msrnn_keras.data.datasets import digits, kth
from msrnn_keras.utils.fetching import fetch

pytestmark = pytest.mark.backend_free
CONTENT = bytes(range(256)) * 2000


class Ranges(http.server.BaseHTTPRequestHandler):
    """Send half of the content, then what a range asks for."""

    asked = []

    def log_message(self, *args):
        pass

    def do_GET(self):
        first = self.headers.get("Range")
        self.asked.append(first)
        start = int(first[len("bytes=") : -1]) if first else 0
        rest = self.content[start:]
        self.send_response(206 if first else 200)
        if first:
            last = len(self.content) - 1
            place = f"bytes {start}-{last}/{len(self.content)}"
            self.send_header("Content-Range", place)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest if first else rest[: len(rest) // 2])


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(content=CONTENT):
        kind = type("Handler", (Ranges,), {"content": content, "asked": []})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/file", kind.asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("known", [True, False])
def test_a_download_is_continued(serve, tmp_path, known):
    url, asked = serve()
    path = tmp_path / "new" / "file"
    sha256 = hashlib.sha256(CONTENT).hexdigest() if known else None
    get = functools.partial(fetch, url, path, len(CONTENT), sha256)
    with pytest.raises(OSError, match="ended after 256000 of 512000 bytes"):
        get()
    (part,) = path.parent.iterdir()
    assert part.read_bytes() == CONTENT[:256000]
    get()
    assert path.read_bytes() == CONTENT and asked == [None, "bytes=256000-"]
    assert list(path.parent.iterdir()) == [path]


def test_a_wrong_hash_leaves_nothing(serve, tmp_path):
    url, _ = serve()
    get = functools.partial(fetch, url, tmp_path / "file", None, "0" * 64)
    with pytest.raises(OSError, match="ended"):
        get()
    with pytest.raises(OSError, match="SHA-256 differs"):
        get()
    assert not list(tmp_path.iterdir())


def test_data_sets_are_continued(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    url, asked = serve()
    monkeypatch.setattr(kth, "ADDRESS", url[: -len("file")])
    for _ in range(2):  # the listing, then the archive
        with pytest.raises(FileNotFoundError, match="ended after"):
            kth.download(("walking",))
    assert asked == [None, "bytes=256000-", None]
    digits._find_mnist.cache_clear()
    monkeypatch.setattr(digits, "ADDRESS", url)
    monkeypatch.setattr(digits, "SIZE", len(CONTENT))
    for _ in range(2):
        assert digits.digits_source() == "sample"
        digits._find_mnist.cache_clear()
    assert asked[3:] == [None, "bytes=256000-"]
