"""The HTML page of a report, with its pictures inside."""

import base64
import datetime
import io
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from msrnn_keras import __version__
from msrnn_keras.evaluation import PROTOCOLS
from msrnn_keras.plots import plot_curves
from msrnn_keras.report import names
from msrnn_keras.report.headline import headline
from msrnn_keras.utils.files import check_folder, write_atomically
from msrnn_keras.utils.typing import PathLike

TEMPLATE = pathlib.Path(__file__).with_name("page.html.j2")
_MEDIA_TYPES = {
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
}


class Section(NamedTuple):
    """A section of a report: a text, a table of one row, and pictures."""

    text: str
    name: str  # of the row
    cells: dict  # heading -> text
    charts: dict  # caption -> figure or image, drawn side by side
    pictures: dict  # the same, one below the other


def write_report(
    path: PathLike,
    scores: dict[str, dict[str, Any]],
    curves: Mapping[str, Mapping[str, Any]] | None = None,
    pictures: Mapping[str, Any] | None = None,
    animations: Mapping[str, bytes | PathLike] | None = None,
    title: str = "Evaluation",
    setting: Mapping[str, Any] | None = None,
    interval: float = 1,
    unit: str = "frame",
    sections: Mapping[str, Section] | None = None,
    presets: Mapping[str, str] | None = None,
) -> pathlib.Path:
    """Write scores, curves, pictures and animations as one HTML file.

    The file contains all images, needs no network and runs no script. It begins
    with the result in one line, the date and the version of the package.

    Args:
        path: Path of the file.
        scores: Dict from the name of each model to its `evaluate(...)`.
        curves: Dict score -> model -> scores per lead time, else of `scores`.
        pictures: Dict from captions to figures or images (bytes or path).
        animations: Dict from captions to GIF or MP4 (bytes or path).
        title: Title of the report.
        setting: Dict of conditions, such as `describe_machine()`.
        interval: Time between two frames, in `unit`, for the curves.
        unit: Name of the unit of time.
        sections: Dict from headings to sections, such as of
            `ensemble_section(...)`, after the scores.
        presets: Dict from names of models to their presets and revisions.

    Returns:
        The path, a `pathlib.Path`.

    Raises:
        ValueError: If there is no score or an image has an unknown format.
        FileNotFoundError: If the folder or a file does not exist.

    Example:
        >>> write_report("report.html", {"ms-convlstm": evaluate(model, data)})
    """
    import jinja2

    if not scores:
        raise ValueError(
            f"`scores` needs at least one model. Received: scores={scores}"
        )
    path = pathlib.Path(path)
    check_folder(path)
    curves = curves_of(scores) if curves is None else curves
    labels = {key: names.score_label(key) for key in curves}
    drawn = {
        f"{labels[key]} by lead time": plot_curves(
            lines, labels[key], interval, unit
        )
        for key, lines in curves.items()
    }
    galleries = {
        "Pictures": _sources(pictures or {}),
        "Animations": _sources(animations or {}),
    }
    protocols = {
        text: _tables({name: r.get(key, {}) for name, r in scores.items()})
        for key, text in PROTOCOLS.items()
    }
    clips = sorted({result["clips"] for result in scores.values()})
    setting = {"Clips": ", ".join(map(str, clips)), **(setting or {})}
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, keep_trailing_newline=True
    )
    page = environment.from_string(TEMPLATE.read_text("utf-8")).render(
        title=title,
        headline=headline(scores),
        facts=_facts(presets or {}),
        curves=_sources(drawn),
        setting=setting,
        protocols=protocols,
        sections={k: _parts(x) for k, x in (sections or {}).items()},
        galleries=galleries,
    )
    write_atomically(path, lambda part: part.write_text(page, "utf-8"))
    return path


def _facts(presets):
    """Return when and with what the report was made: name -> text."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "Date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "Package": f"msrnn-keras {__version__}",
        **{f"Preset of {name}": preset for name, preset in presets.items()},
    }


def curves_of(scores):
    """Return the curves in scores: key -> model -> score per lead time."""
    curves = {}
    for name, result in scores.items():
        for key, curve in result.get("curves", {}).items():
            if not all(map(names.is_missing, curve)):
                curves.setdefault(key, {})[name] = curve
    return curves


def _tables(results):
    """Return one table of the plain scores and one for each with thresholds."""
    groups = {}
    for key in dict.fromkeys(key for row in results.values() for key in row):
        family, parameters = names.split_key(key)
        groups.setdefault(family if parameters else "", []).append(key)
    return [
        {
            "caption": family and names.score_label(family),
            "heads": [_heading(key) for key in keys],
            "rows": _rows(results, keys),
        }
        for family, keys in groups.items()
    ]


def _rows(results, keys):
    best = {
        key: names.best(key, [row.get(key) for row in results.values()])
        for key in keys
    }

    def cell(key, value):
        is_best = best[key] is not None and value == best[key]
        return names.score_text(key, value), is_best

    return {
        name: [cell(key, row.get(key)) for key in keys]
        for name, row in results.items()
    }


def _heading(key):
    _, parameters = names.split_key(key)
    named = names.parameter_label(parameters) if parameters else ""
    return (named or names.score_label(key)) + {1: " ↑", -1: " ↓", 0: ""}[
        names.direction(key)
    ]


def _parts(section):
    """Return a section as the template shows it."""
    cells = [(text, False) for text in section.cells.values()]
    return {
        "text": section.text,
        "table": {"heads": [*section.cells], "rows": {section.name: cells}},
        "charts": _sources(section.charts),
        "pictures": _sources(section.pictures),
    }


def _sources(media):
    return {caption: _source(x, caption) for caption, x in media.items()}


def _source(item, caption):
    if hasattr(item, "savefig"):
        buffer = io.BytesIO()
        item.savefig(buffer, format="png")
        item = buffer.getvalue()
    content = item
    if not isinstance(item, bytes):
        content = pathlib.Path(item).read_bytes()
    known = _MEDIA_TYPES.items()
    kinds = (kind for start, kind in known if content.startswith(start))
    kind = "video/mp4" if content[4:8] == b"ftyp" else next(kinds, None)
    if kind is None:
        raise ValueError(
            "A picture must be a figure, PNG or JPEG; an animation must be GIF "
            f"or MP4. Received: {content[:8]!r}… for {caption!r}"
        )
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
