"""Probability matching: values of a reference at the ranks of a forecast."""

import numpy as np
import numpy.typing as npt


def probability_match(
    forecast: npt.ArrayLike, reference: npt.ArrayLike
) -> np.ndarray:
    """Give a forecast the distribution of the values of a reference.

    A model trained on mean errors blurs what it is not sure of. This replaces
    the values of each frame and channel, rank by rank, with those of the
    reference, and keeps the places. Equal values of the forecast are ranked by
    the reference at the same pixel.

    Args:
        forecast: Float array (batch, time, height, width, channels). Missing
            pixels (NaN) stay missing.
        reference: Array of the same shape, or with one time, NaN if missing,
            such as the last observed frame. Of another number of known pixels
            than the forecast it gives the quantiles; with none, the frame
            stays as it is.

    Returns:
        An array of the shape and type of the forecast.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> heavy = probability_match(model.predict(past), past[:, -1:])

    Reference: Ebert, "Ability of a poor man's ensemble to predict the
    probability and distribution of precipitation", 2001.
    """
    forecast = np.asarray(forecast)
    try:
        reference = np.broadcast_to(reference, forecast.shape)
    except ValueError:
        raise ValueError(
            "The reference must have the shape of the forecast, or one time. "
            f"Received: shapes {np.shape(reference)} and {forecast.shape}"
        ) from None
    matched = forecast.copy()
    for clip, time in np.ndindex(forecast.shape[:2]):
        for channel in range(forecast.shape[-1]):
            image = matched[clip, time, ..., channel]
            image[...] = _match(image, reference[clip, time, ..., channel])
    return matched


def _match(image, reference):
    """Return an image with the values of the reference, rank by rank."""
    known = np.isfinite(image)
    values = np.sort(reference[np.isfinite(reference)])
    if not (known.any() and values.size):
        return image
    order = np.lexsort((reference[known], image[known]))
    ranks = np.empty(order.size, int)
    ranks[order] = np.arange(order.size)
    matched = image.copy()
    # The quantile in the middle of a rank, as integers: exact for equal sizes.
    matched[known] = values[(2 * ranks + 1) * values.size // (2 * order.size)]
    return matched
