import json
import re
import shutil
import subprocess

import pytest

from msrnn_keras.report import evaluation_report

pytestmark = pytest.mark.backend_free

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update "
    "--disable-sync --window-size=1200,2400 --allow-file-access-from-files "
    "--virtual-time-budget=5000"
)
# Writes facts about the rendered page to its title.
CHECK = """<script>addEventListener("load", () => {
document.title = JSON.stringify({
  images: [...document.images].map(image => image.naturalWidth),
  tables: document.querySelectorAll("table").length,
  best: document.querySelectorAll("td.best").length,
  width: innerWidth,
  first: document.querySelector("h1").textContent,
  overflow: document.documentElement.scrollWidth - innerWidth}); });
</script>"""


# A window is at least 500 pixels wide, a frame is not.
FRAME = """<title></title><iframe src="checked.html" width=400 height=3000
frameborder=0></iframe><script>addEventListener("load", () => {
document.title = frames[0].document.title; });</script>"""


def shown(page, folder):
    """Return the facts about a page, as the browser shows it."""
    command = [BROWSER, *FLAGS.split(), f"--user-data-dir={folder / 'user'}"]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)[1]
    return json.loads(title)


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_browser_shows_it(tmp_path, model, data, scores, rain):
    page = tmp_path / "report.html"
    options = {"radar": True, "scaling": rain}
    assert evaluation_report(page, model, data, scores, **options) == page
    text = page.read_text(encoding="utf-8")
    copy = tmp_path / "checked.html"
    text = re.sub(r"<meta http-equiv=[^>]*>", "", text)
    copy.write_text(text.replace("</body>", CHECK + "</body>"), "utf-8")
    seen = shown(copy, tmp_path)
    pictures, animations, curves = 3, 1, 5
    assert len(seen["images"]) == pictures + animations + curves
    assert min(seen["images"]) > 100
    assert seen["tables"] == 7 and seen["best"] == 10
    assert seen["overflow"] <= 0 and seen["width"] == 1200
    assert seen["first"] == "ms-trajgru: 100% more MSE than persistence"
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME, "utf-8")
    seen = shown(frame, tmp_path)
    assert seen["overflow"] <= 0 and seen["width"] == 400
