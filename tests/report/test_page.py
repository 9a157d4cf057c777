import base64
import re
from html.parser import HTMLParser

import pytest

from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.plots import plot_curves
from msrnn_keras.report import write_report

pytestmark = pytest.mark.backend_free

pytest.importorskip("matplotlib")

PNG = b"\x89PNG\r\n\x1a\n and so on"
GIF = b"GIF89a and so on"
MP4 = b"\x00\x00\x00\x20ftypisom and so on"


def result(mse, ssim, **more):
    scores = {"mse": mse, "ssim": ssim, **more}
    curves = {key: [value, None] for key, value in scores.items()}
    warmer = {k: None if v is None else v + 1 for k, v in scores.items()}
    return {
        "forecast": scores,
        "ms-rnn": warmer,
        "curves": curves,
        "clips": 7,
    }


SCORES = {
    "one": result(30.0, 0.9, csi_2=None, csi_5=0.25, far_2=0.5),
    "two": result(20.0, 0.8, csi_2=0.5, csi_5=0.75, far_2=0.75),
}


class Page(HTMLParser):
    """The tables, the images and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.headings, self.sources, self.tags = [], [], [], []
        self.text, self.best, self._open = "", [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._open = True
            if attributes.get("class") == "best":
                place = (len(self.tables[-1]) - 1, len(self.tables[-1][-1]) - 1)
                self.best.append((len(self.tables) - 1, *place))
        elif tag == "h2":
            self.headings.append("")
        if "src" in attributes:
            self.sources.append(attributes["src"])

    def handle_endtag(self, tag):
        self._open = self._open and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self._open:
            self.tables[-1][-1][-1] += data
        if self.headings and not self.headings[-1]:
            self.headings[-1] = data


def write(tmp_path, scores=SCORES, **options):
    path = tmp_path / "report.html"
    assert write_report(path, scores, **options) == path
    assert list(tmp_path.iterdir()) == [path]
    return Page(path.read_text(encoding="utf-8"))


def test_tables_hold_each_protocol(tmp_path):
    page = write(tmp_path, setting={"Data": "digits"})
    labels = [f"Protocol {text}" for text in PROTOCOLS.values()]
    assert page.headings == ["Setting", *labels, "Scores by lead time"]
    setting, *tables = page.tables
    assert setting == [["Clips", "7"], ["Data", "digits"]]
    assert tables == [
        [
            ["Model", "MSE ↓", "SSIM ↑"],
            ["one", "30.00", "0.9000"],
            ["two", "20.00", "0.8000"],
        ],
        [
            ["Model", "at 2 ↑", "at 5 ↑"],
            ["one", "–", "0.2500"],
            ["two", "0.5000", "0.7500"],
        ],
        [["Model", "at 2 ↓"], ["one", "0.5000"], ["two", "0.7500"]],
        [
            ["Model", "MSE ↓", "SSIM ↑"],
            ["one", "31.00", "1.9000"],
            ["two", "21.00", "1.8000"],
        ],
        [
            ["Model", "at 2 ↑", "at 5 ↑"],
            ["one", "–", "1.2500"],
            ["two", "1.5000", "1.7500"],
        ],
        [["Model", "at 2 ↓"], ["one", "1.5000"], ["two", "1.7500"]],
    ]


def test_the_best_of_each_column_is_marked(tmp_path):
    page = write(tmp_path, curves={})
    first = [place for place in page.best if place[0] <= 3]
    # Table, row, column: MSE of two, SSIM of one, CSI at 5 of two, FAR of one.
    assert sorted(first) == [(1, 1, 2), (1, 2, 1), (2, 2, 2), (3, 1, 1)]
    even = {"a": result(1.0, 0.5), "b": result(1.0, 0.5)}
    assert len(write(tmp_path, even, curves={}).best) == 8


def test_there_is_a_curve_for_each_score(tmp_path):
    page = write(tmp_path)
    assert len(page.sources) == len(SCORES["one"]["curves"])
    none = {"a": result(1.0, None)}
    assert len(write(tmp_path, none).sources) == 1
    given = {"mse": {"a": [1.0, 2.0]}}
    assert len(write(tmp_path, curves=given).sources) == 1
    assert write(tmp_path, curves={}).sources == []


def test_pictures_are_inside(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.gif").write_bytes(GIF)
    out = tmp_path / "out"
    out.mkdir()
    pictures = {"grid": plot_curves({"a": [1.0]}, "MSE"), "map": PNG}
    animations = {"gif": folder / "a.gif", "mp4": MP4}
    options = {"pictures": pictures, "animations": animations, "curves": {}}
    page = write(out, **options)
    kinds, contents = [], []
    for source in page.sources:
        kind, data = re.fullmatch(r"data:(.+);base64,(.+)", source).groups()
        kinds.append(kind)
        contents.append(base64.b64decode(data))
    assert kinds == ["image/png", "image/png", "image/gif", "video/mp4"]
    assert contents[0].startswith(b"\x89PNG") and len(contents[0]) > 1000
    assert contents[1:] == [PNG, GIF, MP4]
    assert page.tags.count("figcaption") == 4


def test_all_text_is_escaped_and_nothing_is_fetched(tmp_path):
    bad = '<script>alert("1")</script>&{}'
    page = write(
        tmp_path,
        {bad: result(1.0, 0.5, **{f"{bad}": 3.0})},
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
