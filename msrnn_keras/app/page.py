"""The page: what a visitor chooses, and what the page shows."""

import functools
import html
import pathlib

import numpy as np

from msrnn_keras.app import pictures
from msrnn_keras.app.comparison import check_same_frames, compare
from msrnn_keras.app.inputs import cut, read_upload
from msrnn_keras.app.limits import SUFFIXES
from msrnn_keras.app.results import HOUR, write_files
from msrnn_keras.app.samples import drawn, is_rain, sample
from msrnn_keras.utils.arguments import check_count, check_positive
from msrnn_keras.utils.extras import require

ALONE = "none"
_USUAL = "ms-convlstm/"  # begins the name of the first preset
SIZES = {"64 pixels": 64, "128 pixels": 128, "as it is": None}
_HORIZON, _CANVAS = 10, 280  # frames, pixels
_WAITING = 16  # visitors in the queue
_ASSETS = pathlib.Path(__file__).parent


class Page:
    """The answers of the page.

    Args:
        models: `Models` to choose from.
        limits: `Limits` of a forecast.
        turns: `Turns`, which run one forecast at a time.
        folder: Folder for the files of forecasts.
    """

    def __init__(self, models, limits, turns, folder):
        self.models, self.limits = models, limits
        self.turns, self.folder = turns, folder

    def sample(self, first, second, horizon, seed):
        """Forecast test digits or synthetic rain."""
        return self._answer(self._sample, first, second, horizon, seed)

    def drawing(self, first, second, horizon, seed, *pads):
        """Forecast digits that the visitor drew."""
        drawings = [ink_of(pad) for pad in pads]
        return self._answer(
            self._drawing, first, second, horizon, seed, *drawings
        )

    def upload(self, first, second, horizon, path, *options):
        """Forecast a file."""
        return self._answer(
            self._upload, first, second, horizon, path, *options, path=path
        )

    def _answer(self, make, first, second, horizon, *given, path=None):
        """Return what the page shows, or refuse in one sentence."""
        import gradio

        work = functools.partial(self._forecast, make, first, second, horizon)
        try:
            return self.turns.run(work, *given)
        except Exception as error:  # A damaged file raises almost any error.
            text = sentence(error, path)
        raise gradio.Error(html.escape(text), print_exception=False)

    def _forecast(self, make, first, second, horizon, *given):
        horizon = check_positive("horizon", horizon, self.limits.frames)
        names = [first] if second in (ALONE, None, first) else [first, second]
        models = {name: self.models.get(name) for name in names}
        check_same_frames(list(models.values()))
        model = models[first]
        clip, note = make(model, horizon, *given)
        result = compare(models, clip, horizon)
        return (
            pictures.summary(result, note),
            pictures.viewer(result, clip.recording),
            pictures.scores(result),
            write_files(result, clip.recording, self.folder),
        )

    def _sample(self, model, horizon, seed):
        seed = check_count("seed", seed, 0)
        note = "Digits of the MNIST test set, which the model never saw."
        if is_rain(model):
            note = "Synthetic rain: drifting cells, not radar data."
        return cut(sample(model, horizon, seed), model, horizon), note

    def _drawing(self, model, horizon, seed, *drawings):
        seed = check_count("seed", seed, 0)
        recording = drawn(model, horizon, seed, *drawings)
        return cut(recording, model, horizon), "Your digits."

    def _upload(self, model, horizon, path, first, size, grid_step):
        if path is None:
            raise ValueError("Choose a file first. Received: no file")
        path = self.limits.check_file(path)
        first = check_count("first", first, 0)
        side = SIZES.get(size)
        options = {"side": side, "grid_step": grid_step or None}
        recording, start = read_upload(path, model, horizon, first, **options)
        clip = cut(recording, model, horizon, start)
        known = f"{len(clip.truth)} of {horizon} true frames are known."
        return clip, f"{path.name} from frame {first} on; {known}"


def sentence(error, path=None):
    """Return an error as one sentence, without the folder of an upload."""
    text = " ".join(str(error).split()) or type(error).__name__
    if path is not None:
        path = pathlib.Path(path)
        text = text.replace(str(path), path.name)
    if "Received: " not in text:
        text = f"This cannot be forecast. Received: {text}"
    return text


def ink_of(pad):
    """Return the ink of a sketchpad in [0, 1], None without one."""
    layers = [] if pad is None else pad.get("layers") or []
    inks = [
        np.asarray(layer)[..., 3] / 255
        for layer in layers
        if np.ndim(layer) == 3 and np.shape(layer)[-1] == 4
    ]
    return np.max(inks, axis=0) if inks else None


def build(page):
    """Return the page as `gradio.Blocks`.

    Args:
        page: `Page`, which answers.

    Raises:
        ImportError: If the extra `app` is missing.
    """
    gradio = require("gradio", "app")
    options = {"title": "MS-RNN", "analytics_enabled": False}
    with gradio.Blocks(delete_cache=(HOUR, HOUR), **options) as blocks:
        gradio.Markdown(
            "# Forecast how images move\nPast frames in, future frames out."
        )
        with gradio.Row():
            with gradio.Column(scale=1, min_width=280):
                chosen = _choices(gradio, page)
                buttons = _sources(gradio, page)
            with gradio.Column(scale=2, min_width=280):
                shown = _outputs(gradio)
        for button, answer, inputs in buttons:
            button.click(
                answer,
                [*chosen, *inputs],
                shown,
                concurrency_limit=1,
                concurrency_id="forecast",
                show_progress_on=shown[1],
                api_visibility="private",
            )
    return blocks.queue(max_size=_WAITING)


def _choices(gradio, page):
    """Add the presets and the horizon; return the components."""
    names, most = page.models.names, page.limits.frames
    usual = next((x for x in names if x.startswith(_USUAL)), names[0])
    first = gradio.Dropdown(names, value=usual, label="Preset")
    second = gradio.Dropdown([ALONE, *names], value=ALONE, label="Compare with")
    horizon = gradio.Slider(
        1, most, min(_HORIZON, most), step=1, label="Frames to forecast"
    )
    return first, second, horizon


def _sources(gradio, page):
    """Add the tabs; return (button, answer, inputs) of each."""
    with gradio.Tab("Sample"):
        gradio.Markdown(
            "Presets of moving digits get test digits that no preset saw. "
            "Presets of rain get *synthetic* rain."
        )
        seed = gradio.Number(0, label="Seed", precision=0, minimum=0)
        sampled = gradio.Button("Forecast the sample", variant="primary")
    with gradio.Tab("Upload"):
        most = page.limits.megabytes
        file = gradio.File(
            label=f"GIF, MP4, NetCDF, npz or npy, at most {most} MB",
            file_types=[*SUFFIXES],
            height=130,
        )
        gradio.Markdown(
            "From the first frame on, a preset reads its context; later frames "
            "are the truth. Rain in npz and npy is in mm/h."
        )
        first = gradio.Number(0, label="First frame", precision=0, minimum=0)
        size = gradio.Dropdown(
            [*SIZES], value=next(iter(SIZES)), label="Longer side of a video"
        )
        step = gradio.Number(
            0, label="Grid step in km, of rain whose file does not say it"
        )
        uploaded = gradio.Button("Forecast the file", variant="primary")
    with gradio.Tab("Draw"):
        gradio.Markdown(
            "Choose a brush and draw one digit or two; they move and bounce."
        )
        pads = [_pad(gradio, f"Digit {number}") for number in (1, 2)]
        course = gradio.Number(0, label="Seed", precision=0, minimum=0)
        drawing = gradio.Button("Forecast the drawing", variant="primary")
    return (
        (sampled, page.sample, [seed]),
        (uploaded, page.upload, [file, first, size, step]),
        (drawing, page.drawing, [course, *pads]),
    )


def _pad(gradio, label):
    return gradio.Sketchpad(
        label=label,
        canvas_size=(_CANVAS, _CANVAS),
        fixed_canvas=True,
        layers=False,
        height=_CANVAS + 90,
        brush=gradio.Brush(24, colors=["#000000"], color_mode="fixed"),
    )


def _outputs(gradio):
    """Add what the page shows; return the components."""
    summary = gradio.HTML("<p>Choose a preset and press a button.</p>")
    script = (_ASSETS / "viewer.js").read_text("utf-8")
    viewer = gradio.HTML(js_on_load=script, elem_id="viewer")
    scores = gradio.HTML()
    files = gradio.File(
        label="Forecasts as npz and NetCDF, animation as GIF",
        file_count="multiple",
        interactive=False,
    )
    return [summary, viewer, scores, files]
