"""Motion of frames: the optical flow, and frames moved along it."""

import numpy as np

from msrnn_keras.utils.extras import require


def check_installed():
    """Raise ImportError unless `pysteps` and OpenCV are installed."""
    for module in ("cv2", "pysteps"):
        require(module, "radar")


def motion_field(images):
    """Return the dense Lucas-Kanade field of images.

    The method and its settings are those of `pysteps`. Without motion that can
    be seen (a single image, or flat ones) the field is zero.

    Args:
        images: Array (time, height, width), NaN if missing.

    Returns:
        A float array (2, height, width), pixels per time step to the right and
        down.

    Raises:
        ImportError: If `pysteps` or OpenCV is not installed.

    Reference: Pulkkinen et al., "Pysteps", Geosci. Model Dev., 2019.
    """
    check_installed()
    from pysteps import motion

    if len(images) < 2 or all(_is_flat(image) for image in images):
        return np.zeros((2, *images.shape[1:]))
    return motion.get_method("LK")(images)


def advect(frames, field, steps):
    """Move frames along a field by semi-Lagrangian extrapolation.

    A pixel is interpolated linearly from the known ones of the four pixels it
    comes from. It is NaN if less than half of their weight is known, or if it
    comes from outside.

    Args:
        frames: Float array (height, width, channels), a frame to move to each
            lead time, or (time, height, width, channels), one frame for each.
        field: Array (2, height, width) of `motion_field`.
        steps: Sequence of numbers, the lead times in time steps. A negative
            one moves back in time; zero changes nothing.

    Returns:
        An array (len(steps), height, width, channels) of the type of `frames`.

    Raises:
        ImportError: If `pysteps` or OpenCV is not installed.

    Example:
        >>> moved = advect(frames[-1], motion_field(frames[..., 0]), (1, 2, 3))
    """
    frames = np.asarray(frames)
    if frames.ndim == 3:
        frames = np.broadcast_to(frames, (len(steps), *frames.shape))
    if not field.any():
        return frames.copy()
    moved = np.empty(frames.shape, frames.dtype)
    for sign in (1, -1):
        leads = {abs(step) for step in steps if step * sign > 0}
        for lead, points in _origins(sign * field, sorted(leads)):
            for index in np.flatnonzero(np.equal(steps, sign * lead)):
                moved[index] = _sample(frames[index], points)
    for index in np.flatnonzero(np.equal(steps, 0)):
        moved[index] = frames[index]
    return moved


def to_moving_frame(frames, context):
    """Move the frames of a clip to the time of the last one of the context.

    The motion is that of the context. Past frames are moved forward, future
    frames back. What is left is growth and decay.

    Args:
        frames: Float array (time, height, width, channels), NaN if missing.
        context: Integer, the number of past frames.

    Returns:
        An array of the same shape and type, NaN where unknown. Frame
        `context - 1` is unchanged.

    Raises:
        ImportError: If `pysteps` or OpenCV is not installed.
    """
    field = motion_field(frames[:context].mean(axis=-1))
    return advect(frames, field, context - 1 - np.arange(len(frames)))


def blurred(frames, blur):
    """Blur frames ahead, the more the later they are.

    Args:
        frames: Float array (time, height, width, channels), at the lead times
            1, 2, …; NaN if missing. Missing pixels stay and do not spread.
        blur: Number, standard deviation of the Gaussian in pixels per step.

    Returns:
        An array of the same shape and type.
    """
    from scipy.ndimage import gaussian_filter

    known = np.isfinite(frames)
    values, weight = np.where(known, frames, 0), known.astype(frames.dtype)
    for step, pair in enumerate(zip(values, weight, strict=True), start=1):
        for x in pair:
            x[...] = gaussian_filter(x, (blur * step, blur * step, 0))
    return np.where(known, values / np.where(known, weight, 1), np.nan)


def _origins(field, leads):
    """Yield each lead time and the points (2, height, width) moved from."""
    from pysteps.extrapolation.semilagrangian import extrapolate

    grid = np.indices(field.shape[1:])
    displacement, now = None, 0
    for lead in leads:
        count = int(np.ceil(lead - now))  # of a time step or less
        for _ in range(count):
            displacement = extrapolate(
                None,
                field,
                [(lead - now) / count],
                displacement_prev=displacement,
                return_displacement=True,
            )[1]
        now = lead
        yield lead, grid + displacement[::-1]


def _sample(frame, points):
    """Return a frame (height, width, channels) interpolated at points."""
    return np.stack(
        [_sample_channel(x, points) for x in np.moveaxis(frame, -1, 0)], axis=-1
    )


def _sample_channel(image, points):
    from scipy.ndimage import map_coordinates

    def interpolate(values, outside):
        return map_coordinates(values, points, order=1, cval=outside)

    known = np.isfinite(image)
    if known.all():
        return interpolate(image, np.nan)
    weight = interpolate(known.astype(image.dtype), 0)
    values = interpolate(np.where(known, image, 0), 0)
    enough = weight >= 0.5
    return np.where(enough, values / np.where(enough, weight, 1), np.nan)


def _is_flat(image):
    valid = image[~np.isnan(image)]
    return valid.size == 0 or valid.min() == valid.max()
