"""The page in a browser: headless Chromium, without a network."""

import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import msrnn_keras
from msrnn_keras.plots import save_gif
from tests.app.conftest import TINY
from tests.ctrl_c import interrupting

gradio = pytest.importorskip("gradio")
playwright = pytest.importorskip("playwright.sync_api")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.backend_free,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium"),
]
ROOT = pathlib.Path(__file__).parents[2]
START = "import sys; from msrnn_command import main; sys.exit(main())"
WAIT = 60_000  # ms
FACTS = """() => ({
  overflow: document.documentElement.scrollWidth - innerWidth,
  images: [...document.querySelectorAll(".panel")].map(
    x => getComputedStyle(x).backgroundImage),
  place: getComputedStyle(document.querySelector(".panel"))
    .backgroundPosition,
})"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two presets, in which the server and uploads are."""
    folder = tmp_path_factory.mktemp("app")
    for name in ("one", "two"):
        model = msrnn_keras.create("convlstm", **TINY)
        model.compile("adam", loss="mse")
        model.save_to_preset(folder / name)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """The command in a process; gives it and the address of the page."""
    temporary = folder / "temporary"
    temporary.mkdir()
    options = "app --no-browser --port 0 --max-megabytes 1 --presets one two"
    paths = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    settings = {"PYTHONPATH": paths, "TMPDIR": str(temporary)}
    with interrupting():
        process = subprocess.Popen(
            [sys.executable, "-c", START, *options.split()],
            cwd=folder,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=(folder / "log").open("w"),
            text=True,
        )
    try:
        words = process.stdout.readline().split()
        assert words[:3] == ["Serving", "2", "preset(s)"], words
        yield process, words[-1]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        options = {"executable_path": BROWSER, "args": ["--no-sandbox"]}
        browser = started.chromium.launch(**options)
        yield browser
        browser.close()


@pytest.fixture
def visit(server, browser):
    """Opens the page as another user; requests to elsewhere fail."""
    contexts, outside = [], []

    def route(given):
        if given.request.url.startswith((server[1], "data:", "blob:")):
            return given.continue_()
        outside.append(given.request.url)
        return given.abort()

    def visit(width=1280):
        size = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size))
        contexts[-1].route("**/*", route)
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT)
        page.goto(server[1])
        button(page, "sample").wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert outside == []


def button(page, what):
    return page.get_by_role("button", name=f"Forecast the {what}")


def facts(page):
    page.locator(".viewer").wait_for()
    return page.evaluate(FACTS)


def upload(page, path, shown):
    """Upload a file and wait until the page shows a text."""
    page.get_by_role("tab", name="Upload").click()
    if page.locator(".file-preview").first.is_visible():
        page.get_by_label("Clear").first.click()
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_text(pathlib.Path(path).stem).first.wait_for()
    button(page, "file").click()
    page.get_by_text(shown).first.wait_for()


def test_a_sample_is_forecast_and_played(visit):
    page = visit()
    assert page.locator(".viewer").count() == 0
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="two").click()
    button(page, "sample").click()
    before = facts(page)
    assert len(before["images"]) == 6 and before["overflow"] <= 0
    assert "best of 2 models" in page.locator("h2").inner_text()
    assert page.locator(".scores tr").count() == 4
    assert page.locator(".time").inner_text() == "forecast t+1"
    page.locator(".frame").fill("0")
    assert page.locator(".time").inner_text() == "past t−2"
    assert facts(page)["place"] != before["place"]
    page.locator(".play").click()
    page.wait_for_function("document.querySelector('.frame').value > 1")
    page.locator(".play").click()
    assert page.locator(".play").inner_text() == "Play"
    link = page.locator("a[download]", has_text="B").first
    with page.expect_download() as started:
        link.click()
    with np.load(started.value.path()) as file:
        assert file["frames"].shape == (1, 10, 32, 32, 1)


def test_uploads_and_garbage(visit, folder):
    xarray = pytest.importorskip("xarray")
    frames = np.random.default_rng(0).random((6, 32, 40, 1))
    save_gif(folder / "a.gif", frames)
    values = xarray.Variable(("time", "y", "x"), frames[..., 0])
    xarray.Dataset({"values": values}).to_netcdf(folder / "a.nc")
    (folder / "bad.gif").write_text("this is no GIF")
    np.savez(folder / "texts.npz", frames=np.full((3, 1, 2), "a"))
    np.save(folder / "large.npy", np.zeros((2, 800, 800), "uint8"))
    page = visit()
    upload(page, folder / "a.gif", "a.gif from frame 0 on; 3 of 10 true")
    assert len(facts(page)["images"]) == 3
    upload(page, folder / "a.nc", "a.nc from frame 0 on; 3 of 10 true")
    upload(page, folder / "bad.gif", "Received: 'bad.gif'")
    upload(page, folder / "texts.npz", "Received: dtype=<U1")
    upload(page, folder / "large.npy", "Received: 1.3 MB in 'large.npy'")
    assert "Traceback" not in page.content()
    assert (folder / "log").read_text() == ""


def test_two_users_get_their_own_results(visit):
    pages = [visit(), visit()]
    for seed, page in enumerate(pages, start=1):
        page.get_by_label("Seed").first.fill(str(seed))
    for page in pages:
        button(page, "sample").click()
    one, two = (facts(page)["images"] for page in pages)
    assert one[0] != two[0]
    again = visit(400)
    again.get_by_label("Seed").first.fill("1")
    button(again, "sample").click()
    seen = facts(again)
    assert seen["images"] == one and seen["overflow"] <= 0


def test_drawn_digits_move(visit):
    page = visit()
    page.get_by_role("tab", name="Draw").click()
    canvas = page.locator("canvas").first
    canvas.wait_for()
    page.get_by_label("Brush").first.click()
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(middle + 20, box["y"] + 200, steps=8)
    page.mouse.up()
    button(page, "drawing").click()
    assert len(facts(page)["images"]) == 3
    page.get_by_text("Your digits.").wait_for()


def test_a_signal_ends_the_server(server, folder):
    process, _ = server
    process.terminate()
    assert process.wait(20) == 143
    assert (folder / "log").read_text() == "msrnn app: terminated\n"
    assert [*(folder / "temporary").glob("msrnn-app-*")] == []
