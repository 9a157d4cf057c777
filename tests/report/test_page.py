import base64
import datetime
import html
import re

import pytest

import msrnn_keras
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.plots import plot_curves
from msrnn_keras.report import write_report

pytestmark = pytest.mark.backend_free

PNG = b"\x89PNG\r\n\x1a\n and so on"
GIF = b"GIF89a and so on"
MP4 = b"\x00\x00\x00\x20ftypisom and so on"


def result(mse, ssim, **more):
    scores = {"mse": mse, "ssim": ssim, **more}
    curves = {key: [value, None] for key, value in scores.items()}
    warmer = {k: None if v is None else v + 1 for k, v in scores.items()}
    return {"forecast": scores, "ms-rnn": warmer, "curves": curves, "clips": 7}


SCORES = {
    "one": result(30.0, 0.9, csi_2=None, csi_5=0.25, far_2=0.5),
    "two": result(20.0, 0.8, csi_2=0.5, csi_5=0.75, far_2=0.75),
}


def found(pattern, text):
    return [html.unescape(x) for x in re.findall(pattern, text, re.DOTALL)]


class Page:
    """The tables, the images and the text of a page; the best has a star."""

    def __init__(self, text):
        self.tags = found(r"<(\w+)", text)
        self.headings = found("<h2>(.*?)</h2>", text)
        self.sources = found('src="(.*?)"', text)
        self.text = html.unescape(re.sub("<.*?>", "", text))
        self.tables = []
        for table in re.findall("<table.*?</table>", text, re.S):
            cells = re.findall("<t[dh]( class.*?)?>(.*?)</t[dh]>", table)
            texts = (f"{x}*" if "best" in kind else x for kind, x in cells)
            self.tables.append(html.unescape(" ".join(texts)))


def write(tmp_path, scores=SCORES, **options):
    path = tmp_path / "report.html"
    assert write_report(path, scores, **options) == path
    assert list(tmp_path.iterdir()) == [path]
    return Page(path.read_text(encoding="utf-8"))


def test_tables_hold_each_protocol(tmp_path):
    page = write(tmp_path, setting={"Data": "digits"})
    labels = [f"Protocol {text}" for text in PROTOCOLS.values()]
    assert page.headings == ["Scores by lead time", *labels, "Setting"]
    assert page.tables == [
        "Model MSE ↓ SSIM ↑ one 30.00 0.9000* two 20.00* 0.8000",
        "Model at 2 ↑ at 5 ↑ one – 0.2500 two 0.5000 0.7500*",
        "Model at 2 ↓ one 0.5000* two 0.7500",
        "Model MSE ↓ SSIM ↑ one 31.00 1.9000* two 21.00* 1.8000",
        "Model at 2 ↑ at 5 ↑ one – 1.2500 two 1.5000 1.7500*",
        "Model at 2 ↓ one 1.5000* two 1.7500",
        "Clips 7 Data digits",
    ]
    even = {"a": result(1.0, 0.5), "b": result(1.0, 0.5)}
    assert str(write(tmp_path, even, curves={}).tables).count("*") == 8


def test_there_is_a_curve_for_each_score(tmp_path):
    page = write(tmp_path)
    assert len(page.sources) == len(SCORES["one"]["curves"])
    none = {"a": result(1.0, None)}
    assert len(write(tmp_path, none).sources) == 1
    given = {"mse": {"a": [1.0, 2.0]}}
    assert len(write(tmp_path, curves=given).sources) == 1
    assert write(tmp_path, curves={}).sources == []


def test_the_result_comes_first_then_the_facts(tmp_path):
    known = {"two": "ms-convlstm/mnist/small, revision 2"}
    scores = {**SCORES, "persistence": result(80.0, 0.5)}
    page = write(tmp_path, scores, presets=known, title="Digits")
    lines = [line for line in page.text.split("\n") if line.strip()]
    start = lines.index(
        "two, the best of 2 models: 75% less MSE than persistence"
    )
    title, date, package, preset, curves = lines[start + 1 : start + 6]
    assert title == "Digits" and curves == "Scores by lead time"
    when = datetime.datetime.strptime(date, "Date%Y-%m-%d %H:%M %Z")
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    assert abs(now - when) < datetime.timedelta(minutes=5)
    assert package == f"Packagemsrnn-keras {msrnn_keras.__version__}"
    assert preset == f"Preset of two{known['two']}"


def test_pictures_are_inside(tmp_path):
    file, out = tmp_path / "a.gif", tmp_path / "out"
    file.write_bytes(GIF)
    out.mkdir()
    pictures = {"grid": plot_curves({"a": [1.0]}, "MSE"), "map": PNG}
    animations = {"gif": file, "mp4": MP4}
    options = {"pictures": pictures, "animations": animations, "curves": {}}
    page = write(out, **options)
    parts = [re.fullmatch(r"data:(.+);base64,(.+)", x) for x in page.sources]
    kinds = [part[1] for part in parts]
    contents = [base64.b64decode(part[2]) for part in parts]
    assert kinds == ["image/png", "image/png", "image/gif", "video/mp4"]
    assert contents[0].startswith(b"\x89PNG") and len(contents[0]) > 1000
    assert contents[1:] == [PNG, GIF, MP4]
    assert page.tags.count("figcaption") == 4


def test_all_text_is_escaped_and_nothing_is_fetched(tmp_path):
    bad = '<script>alert("1")</script>&{}'
    page = write(
        tmp_path,
        {bad: result(1.0, 0.5, **{bad: 3.0})},
        title=bad,
        setting={bad: bad},
        pictures={bad: PNG},
        curves={bad: {bad: [1.0, 2.0]}},
    )
    assert page.text.count(bad) >= 6
    assert not {"script", "link", "iframe"} & set(page.tags)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http://" not in text and "https://" not in text
    assert "default-src 'none'" in text


def test_errors(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="Received: scores={}"):
        write_report(path, {})
    with pytest.raises(ValueError, match="Received: b'not a pi'.* 'map'"):
        write_report(path, SCORES, pictures={"map": b"not a picture"})
    with pytest.raises(FileNotFoundError):
        write_report(path, SCORES, pictures={"map": tmp_path / "none.png"})
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="Received: "):
        write_report(tmp_path / "none" / "report.html", SCORES)
