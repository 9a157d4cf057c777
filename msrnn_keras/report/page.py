"""The page of a report: HTML with its pictures inside."""

import base64
import html
import io
import pathlib

from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.plots import plot_curves
from msrnn_keras.report import names
from msrnn_keras.utils.files import check_folder, write_atomically

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
img-src data:; media-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 16px/1.45 system-ui, sans-serif; color: #1a1a1a;
  background: #fff; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }}
h1, h2 {{ line-height: 1.2; }}
h2 {{ margin-top: 2.2rem; }}
.tables {{ display: flex; flex-wrap: wrap; gap: 0 2.5rem; }}
.wide {{ overflow-x: auto; margin: 0 0 1.2rem; }}
table {{ border-collapse: collapse; }}
caption {{ text-align: left; font-weight: 600; padding: .3rem 0; }}
th, td {{ padding: .25rem .8rem; border-bottom: 1px solid #ddd;
  text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }}
th:first-child {{ text-align: left; }}
th {{ font-weight: 600; }}
tbody th {{ font-weight: 400; }}
td.best {{ font-weight: 700; background: #e6f4ea; }}
.setting th, .setting td {{ text-align: left; white-space: normal;
  vertical-align: top; overflow-wrap: anywhere; }}
.setting th {{ white-space: nowrap; }}
.curves {{ display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); }}
figure {{ margin: 0 0 1.5rem; }}
figcaption {{ color: #444; }}
img, video {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
_MEDIA = {
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
}


def write_report(
    path,
    scores,
    curves=None,
    pictures=None,
    animations=None,
    title="Evaluation",
    setting=None,
    interval=1,
    unit="frame",
):
    """Write scores, curves, pictures and animations as one HTML file.

    Everything is inside the file: it needs no network and runs no script. The
    tables hold one protocol each; the best value of a column is marked where
    it is known what is good. The file appears under its name only when it is
    complete.

    Args:
        path: Path of the file.
        scores: A dict from the name of each model to what
            `msrnn_keras.evaluation.evaluate` gave for it.
        curves: A dict from the key of each score to a dict from the name of
            each model to its score per lead time. None takes those of
            `scores`.
        pictures: A dict from the caption of each picture to a matplotlib
            figure, or to an image: its bytes or its path.
        animations: A dict from the caption of each animation to a GIF or an
            MP4: its bytes or its path.
        title: Title of the report.
        setting: A dict of what the scores hold for: data, model, command,
            versions, hardware; see `describe_machine`.
        interval: Time between two frames, in `unit`, for the curves.
        unit: Name of the unit of time.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        ValueError: If there is no score, or a picture or an animation is of
            no known form.
        FileNotFoundError: If the folder or a file does not exist.

    Example:
        >>> scores = {"ms-convlstm": evaluate(model, data)}
        >>> write_report("report.html", scores, setting={"Data": "our radar"})
    """
    if not scores:
        raise ValueError(
            f"`scores` needs one model at least. Received: scores={scores}"
        )
    path = pathlib.Path(path)
    check_folder(path)
    curves = curves_of(scores) if curves is None else curves
    drawn = {
        f"{names.score_label(key)} by lead time": plot_curves(
            lines, names.score_label(key), interval, unit
        )
        for key, lines in curves.items()
    }
    parts = [
        _setting(setting, scores),
        *(_protocol(scores, protocol) for protocol in PROTOCOLS),
        _gallery("Pictures", pictures),
        _gallery("Animations", animations),
        _gallery("Scores by lead time", drawn, "curves"),
    ]
    page = _PAGE.format(
        title=html.escape(title), body="\n".join(filter(None, parts))
    )
    write_atomically(path, lambda part: part.write_text(page, encoding="utf-8"))
    return path


def curves_of(scores):
    """The curves of several models, by score.

    Args:
        scores: As of `write_report`.

    Returns:
        A dict from the key of each score to a dict from the name of each
        model to its score per lead time; without those that nobody has.
    """
    curves = {}
    for name, result in scores.items():
        for key, curve in result.get("curves", {}).items():
            if not all(map(names.is_missing, curve)):
                curves.setdefault(key, {})[name] = curve
    return curves


def _setting(setting, scores):
    clips = sorted({result["clips"] for result in scores.values()})
    rows = {"Clips": ", ".join(map(str, clips)), **(setting or {})}
    lines = [
        f"<tr><th>{html.escape(str(name))}</th>"
        f"<td>{html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    ]
    table = "\n".join(lines)
    return f'<h2>Setting</h2>\n<table class="setting">\n{table}\n</table>'


def _protocol(scores, protocol):
    """The tables of one protocol: plain scores, then those by threshold."""
    results = {name: all_.get(protocol, {}) for name, all_ in scores.items()}
    groups = {}
    for result in results.values():
        for key in result:
            family, parameters = names.split_key(key)
            group = groups.setdefault(family if parameters else None, [])
            if key not in group:
                group.append(key)
    if not groups:
        return ""
    text = f"Protocol {protocol}: {PROTOCOLS[protocol]}"
    tables = [_table(results, *group) for group in groups.items()]
    note = "<p>↓ lower is better, ↑ higher is better. The best is marked.</p>"
    body = "\n".join(tables)
    return (
        f"<h2>{html.escape(text)}</h2>\n{note}\n"
        f'<div class="tables">\n{body}\n</div>'
    )


def _table(results, family, keys):
    head = "".join(f"<th>{html.escape(_heading(key))}</th>" for key in keys)
    lines = [f"<thead><tr><th>Model</th>{head}</tr></thead>", "<tbody>"]
    best = {
        key: names.best(key, [row.get(key) for row in results.values()])
        for key in keys
    }
    for name, result in results.items():
        cells = [_cell(key, result.get(key), best[key]) for key in keys]
        row = f"<th>{html.escape(str(name))}</th>{''.join(cells)}"
        lines.append(f"<tr>{row}</tr>")
    lines.append("</tbody>")
    if family:
        label = html.escape(names.score_label(family))
        lines.insert(0, f"<caption>{label}</caption>")
    table = "\n".join(lines)
    return f'<div class="wide"><table>\n{table}\n</table></div>'


def _heading(key):
    _, parameters = names.split_key(key)
    label = (
        names.parameter_label(parameters)
        if parameters
        else names.score_label(key)
    )
    return label + {1: " ↑", -1: " ↓", 0: ""}[names.direction(key)]


def _cell(key, value, best):
    text = html.escape(names.score_text(key, value))
    if best is not None and value == best:
        return f'<td class="best">{text}</td>'
    return f"<td>{text}</td>"


def _gallery(heading, items, style=""):
    if not items:
        return ""
    figures = "\n".join(
        f"<figure>\n{_medium(item, caption)}\n"
        f"<figcaption>{html.escape(str(caption))}</figcaption>\n</figure>"
        for caption, item in items.items()
    )
    return f'<h2>{heading}</h2>\n<div class="{style}">\n{figures}\n</div>'


def _medium(item, caption):
    """An image or a video, with its bytes inside."""
    content = _content(item)
    kind = next((k for s, k in _MEDIA.items() if content.startswith(s)), None)
    if content[4:8] == b"ftyp":
        kind = "video/mp4"
    if kind is None:
        raise ValueError(
            "A picture must be a figure, PNG or JPEG, an animation GIF or "
            f"MP4. Received: {content[:8]!r}… for {caption!r}"
        )
    data = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    if kind == "video/mp4":
        return f'<video controls loop src="{data}"></video>'
    alt = html.escape(str(caption))
    return f'<img alt="{alt}" src="{data}">'


def _content(item):
    if hasattr(item, "savefig"):
        buffer = io.BytesIO()
        item.savefig(buffer, format="png")
        return buffer.getvalue()
    return item if isinstance(item, bytes) else pathlib.Path(item).read_bytes()
