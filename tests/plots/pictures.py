import numpy as np


def clip(time, height=6, width=8, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((time, height, width, channels))


def panels(figure):
    """Return the axes with an image, row by row from the top."""
    axes = [ax for ax in figure.axes if ax.images]
    rows = sorted({round(-ax.get_position().y0, 6) for ax in axes})
    return [
        sorted(
            (ax for ax in axes if round(-ax.get_position().y0, 6) == row),
            key=lambda ax: ax.get_position().x0,
        )
        for row in rows
    ]


def bars(figure):
    return [ax for ax in figure.axes if not ax.images]


def names(figure):
    return [row[0].get_ylabel() for row in panels(figure)]


def times(row):
    return [ax.get_title() for ax in row]


def shown(row):
    """Return the values drawn in a row, NaN where masked."""
    arrays = [ax.images[0].get_array() for ax in row]
    return np.stack([np.ma.filled(array, np.nan) for array in arrays])


def pixels(ax):
    image = ax.images[0]
    return image.to_rgba(image.get_array(), bytes=True)[..., :3]


def drawn(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def check_texts(figure):
    """Assert that no text overlaps another or leaves the figure."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = list(figure.texts)
    for ax in figure.axes:
        texts += [ax.title, ax.xaxis.label, ax.yaxis.label]
        texts += [*ax.get_xticklabels(), *ax.get_yticklabels()]
    boxes = {}
    for text in texts:
        box = text.get_window_extent(renderer)
        if text.get_text() and text.get_visible():
            boxes[text] = box
    for text, box in boxes.items():
        what = text.get_text()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, what
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, what
        over = [t.get_text() for t, b in boxes.items() if b.overlaps(box)]
        assert over == [what], over
