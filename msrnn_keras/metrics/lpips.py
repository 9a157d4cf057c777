"""LPIPS: the distance of frames as a trained network sees it."""

import functools

import numpy as np
from keras import ops

from msrnn_keras.metrics.base import prepare


def frame_lpips(y_true, y_pred, clip=True):
    """Learned perceptual image patch similarity of each frame.

    Version 0.1 with AlexNet, from the package `lpips`, on pixels scaled from
    [0, 1] to [-1, 1]. Frames of three channels are taken as RGB; otherwise
    each channel is scored as a gray image, and their mean taken. The network
    sees whole images, so a frame with a missing pixel has no score.

    It runs on PyTorch whatever the backend is, and reads arrays. So it works
    in `msrnn_keras.evaluation.evaluate` and by itself, but not in `compile`.

    Args:
        y_true: True frames, (batch, time, height, width, channels), in
            [0, 1]. NaN means a missing pixel.
        y_pred: Predicted frames of the same shape.
        clip: Whether predictions are clipped to [0, 1] first.

    Returns:
        A numpy array (batch, time), float32. NaN for a frame without a score.

    Raises:
        ImportError: If `lpips` is not installed.
        RuntimeError: If the network's weights cannot be loaded.
        ValueError: If the two shapes differ, are not of rank 5, or the frames
            are smaller than 32 x 32.

    Reference:
        Zhang et al., "The Unreasonable Effectiveness of Deep Features as a
        Perceptual Metric", CVPR 2018, arXiv:1801.03924.
    """
    clips = prepare(y_true, y_pred, clip, unit_range=True)
    y_true, y_pred, valid = map(ops.convert_to_numpy, clips)
    if min(y_true.shape[2:4]) < 32:
        raise ValueError(
            "LPIPS needs frames of 32 x 32 pixels at least; leave it out for "
            f"smaller ones. Received: y_true.shape={y_true.shape}"
        )
    network = _network()
    scores = np.full(y_true.shape[:2], np.nan, "float32")
    for index in np.ndindex(scores.shape):
        if valid[index].all():
            a, b = (_images(x[index], network) for x in (y_true, y_pred))
            scores[index] = network(a, b).mean().item()
    return scores


def _images(frame, network):
    """Give a frame as images (number, 3, height, width) from -1 to 1."""
    images = 2.0 * np.moveaxis(frame, -1, 0) - 1.0
    if len(images) != 3:
        images = np.repeat(images[:, None], 3, axis=1)
    images = images.reshape(-1, 3, *images.shape[-2:])
    return next(network.parameters()).new_tensor(images)


@functools.cache
def _network():
    """Load the network, once."""
    try:
        import lpips
    except ImportError as error:
        raise ImportError(
            "LPIPS needs the package `lpips`: "
            'pip install "msrnn-keras[lpips]". '
            f"Received: {error}"
        ) from error
    try:
        network = lpips.LPIPS(net="alex", version="0.1", verbose=False)
    except Exception as error:  # torchvision raises what its download raises
        raise RuntimeError(
            "The weights of the LPIPS network (AlexNet, which torchvision "
            "downloads on first use) could not be loaded. "
            f"Received: {type(error).__name__}: {error}"
        ) from error
    return network.eval().requires_grad_(False)
