"""Choose how much of the smoothed flow a `Lagrangian` mixes in."""

import numpy as np

from msrnn_keras.evaluation import batches_of
from msrnn_keras.utils import motion

BLURS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)  # pixels per frame


def choose_blend(model, dataset, verbose=0):
    """Return `blend`, `blur` and `factor` of the least squared error.

    The forecast is m f + s b: f of the model, b of the flow blurred by one of
    `BLURS`, and m = 1 - blend, s = blend * factor. Least squares gives m and s.
    Pixels without truth do not count.

    Args:
        model: `Lagrangian` with its default settings.
        dataset: Data set of whole frames, for validation.
        verbose: 1 prints the settings and the error without and with them.

    Returns:
        Dict of the three arguments of `Lagrangian`.
    """
    sums = sum(_products(model, *clip) for clip in _clips(dataset))
    found = [_solve(*x) for x in zip(BLURS, sums, strict=True)]
    error, settings = min(found, key=lambda x: x[0])
    if verbose:
        before = sums[0][0, 0] - 2 * sums[0][0, 2] + sums[0][2, 2]
        print(f"{settings}: {error / before:.4f} of the squared error without")
    return settings


def _clips(dataset):
    """Yield the clips of a data set one at a time."""
    for past, future in batches_of(dataset, 1)[0]:
        for i in range(len(past)):
            yield past[i : i + 1], future[i : i + 1]


def _products(model, past, future):
    """Return sums of products of forecast, smoothed flow and truth by blur."""
    last = np.asarray(past[0, -model.context :])
    field = motion.motion_field(last.mean(axis=-1))
    forecast = model.forecast(past, model.horizon, fields=field[None])
    flow = motion.advect(last[-1], field, range(1, model.horizon + 1))
    valid = np.isfinite(future[0])
    sums = []
    for blur in BLURS:
        smooth = np.nan_to_num(motion.blurred(flow, blur))
        x = np.stack([forecast[0][valid], smooth[valid], future[0][valid]])
        x = x.astype("float64")
        sums.append(x @ x.T)
    return np.stack(sums)


def _solve(blur, sums):
    """Return the squared error and the settings at a blur."""
    weights = np.linalg.lstsq(sums[:2, :2], sums[:2, 2], rcond=None)[0]
    blend = float(np.clip(1 - weights[0], 0, 1))
    factor = 1.0 if blend == 0 else float(max(weights[1], 0) / blend)
    error = np.array([1 - blend, blend * factor, -1])
    settings = {"blend": blend, "blur": blur, "factor": factor}
    settings = {k: round(v, 3) for k, v in settings.items()}
    return error @ sums @ error, settings
