"""The server of the page."""

import contextlib
import os
import pathlib
import socket
import tempfile
import time

from msrnn_keras.app.comparison import Models
from msrnn_keras.app.limits import Turns
from msrnn_keras.app.page import Page, build
from msrnn_keras.utils.extras import require

_TEMPORARY = "GRADIO_TEMP_DIR"
_CSS = pathlib.Path(__file__).with_name("page.css")
_FONT = "system-ui", "sans-serif"
_MONO = "ui-monospace", "monospace"


def preset_names(patterns):
    """Return the presets of some patterns, and folders of models.

    Args:
        patterns: List of patterns of `zoo.names`, or of folders.

    Raises:
        ValueError: If there is no such preset or folder.
    """
    import zoo

    names = []
    for pattern in patterns:
        found = zoo.names(pattern)
        if not found and pathlib.Path(pattern).is_dir():
            found = [pattern]
        if not found:
            raise ValueError(
                "--presets takes patterns of presets with weights, as `msrnn "
                f"list` shows them, or folders. Received: {pattern!r}"
            )
        names += found
    return list(dict.fromkeys(names))


@contextlib.contextmanager
def serving(names, limits, host="127.0.0.1", port=7860, browser=False):
    """Serve the page as long as the context lasts.

    Uploads and results are in a temporary folder, which is removed at the end.

    Args:
        names: List of presets and folders of models.
        limits: `Limits` of a forecast.
        host: String, address to listen at.
        port: Integer, the port; 0 takes a free one.
        browser: Boolean, whether to open a browser.

    Yields:
        String, the address of the page.

    Raises:
        ImportError: If the extra `app` is missing.
        OSError: If the port is taken.
    """
    gradio = require("gradio", "app")
    port = _usable(host, port)
    before = os.environ.get(_TEMPORARY)
    turns = Turns(limits.seconds)
    with tempfile.TemporaryDirectory(prefix="msrnn-app-") as folder:
        os.environ[_TEMPORARY] = folder
        blocks = build(Page(Models(names), limits, turns, folder))
        theme = gradio.themes.Default(font=_FONT, font_mono=_MONO)
        try:
            _, address, _ = blocks.launch(
                server_name=host,
                server_port=port,
                max_file_size=2 * limits.megabytes * 10**6,  # ours says more
                prevent_thread_lock=True,
                inbrowser=browser,
                share=False,
                quiet=True,
                ssr_mode=False,
                enable_monitoring=False,
                footer_links=[],
                theme=theme,
                css=_CSS.read_text("utf-8"),
            )
            yield address
        finally:
            turns.close()
            blocks.close(verbose=False)
            if before is None:
                del os.environ[_TEMPORARY]
            else:
                os.environ[_TEMPORARY] = before


def wait():
    """Wait for a signal."""
    while True:
        time.sleep(3600)


def _usable(host, port):
    """Return a port that is free, another one for 0; refuse one in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            return listener.getsockname()[1]
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"The page cannot be served at {host}, port {port} ({reason}); "
            f"choose another port (--port). Received: port={port}"
        ) from error
