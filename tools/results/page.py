"""The text of `docs/results.md`: a template, filled with tables."""

import re
from pathlib import Path

from tools.publishing.tables import markdown_table, published_results
from tools.results.presets import DATASET, pairs
from tools.results.transfer import CLIPS, PERSISTENCE, SETTINGS

TEMPLATE = Path(__file__).with_name("template.md")
SCORES = {"MSE": ".2f", "MAE": ".2f", "SSIM": ".4f", "PSNR": ".2f"}
PAPER = re.compile(r"^\| (\S+) \| ([\d.]+) \|$", re.M)  # model and MSE


def render(found, scores):
    """Return the text of the page for the presets of Moving MNIST.

    `scores` are those of `tools.results.transfer`.
    """
    return TEMPLATE.read_text(encoding="utf-8").format(
        presets=_presets(found),
        baselines=_baselines(found),
        pairs=_pairs(found),
        paper=_paper(found),
        transfer=_transfer(found, scores),
        clips=CLIPS,
    )


def _presets(found):
    """Return the table of all presets."""
    head = [
        *("preset", "parameters", *SCORES, "MSE, all frames"),
        *("GFLOPs", "clips trained on", "hours"),
    ]
    rows = [
        [
            f"[`{x.name}`](../zoo/presets/{x.folder}/README.md)",
            f"{x.metadata['parameters']:,}",
            *(f"{x.score(key.lower()):{form}}" for key, form in SCORES.items()),
            _all_frames(x),
            f"{x.flops / 1e9:.1f}",
            f"{x.clips:,}",
            f"{x.hours:.2f}",
        ]
        for x in found
    ]
    return markdown_table(head, rows)


def _all_frames(result):
    """Return the MSE of all frames; models without warm-up have none."""
    mse = result.score(protocol="ms-rnn")
    return "" if mse is None else f"{mse:.2f}"


def _baselines(found):
    """Return the table of the baselines, which all cards have."""
    rows = []
    for name, protocols in found[0].metadata["baselines"].items():
        scores = protocols["forecast"]
        cells = (f"{scores[key.lower()]:{SCORES[key]}}" for key in SCORES)
        rows.append([name, *cells, f"{protocols['ms-rnn']['mse']:.2f}"])
    return markdown_table(["baseline", *SCORES, "MSE, all frames"], rows)


def _pairs(found):
    """Return the table of multi-scale models beside plain ones."""
    head = ["multi-scale", *("MSE", "MAE"), "clips", "FLOPs", "training memory"]
    rows = []
    for ours, plain in pairs(found):
        gain = (
            f"{100 * (ours.score(name) / plain.score(name) - 1):+.1f}%"
            for name in ("mse", "mae")
        )
        rows.append(
            [
                f"`{ours.model}` against `{plain.model}`, {ours.variant}",
                *(text.replace("-", "−") for text in gain),
                f"{ours.clips / plain.clips:.2f}",
                f"{ours.flops / plain.flops:.2f}",
                f"{ours.memory / plain.memory:.2f}",
            ]
        )
    return markdown_table(head, rows)


def _paper(found):
    """Return the table of published results beside the best presets."""
    head = ["model", "paper", "ours", "preset", "clips trained on"]
    rows = []
    for title, mse in PAPER.findall(published_results(DATASET)):
        best = [x for x in found if x.model == title.lower() and _all_frames(x)]
        cells = ["", "", ""]
        if best:
            best = min(best, key=lambda x: x.score(protocol="ms-rnn"))
            cells = [_all_frames(best), f"`{best.name}`", f"{best.clips:,}"]
        rows.append([title, mse, *cells])
    return markdown_table(head, rows)


def _transfer(found, scores):
    """Return the table of other sizes and horizons."""
    rows = []
    for ours, plain in pairs(found):
        if {ours.folder, plain.folder} <= scores.keys():
            cells = [
                f"{scores[ours.folder][key]:.2f} / "
                f"{scores[plain.folder][key]:.2f}"
                for key in SETTINGS
            ]
            names = f"`{ours.model}` / `{plain.model}`, {ours.variant}"
            rows.append([names, *cells])
    best = [f"{scores[PERSISTENCE][key]:.2f}" for key in SETTINGS]
    return markdown_table(["MSE", *SETTINGS], [*rows, [PERSISTENCE, *best]])
