"""LPIPS: the distance of frames in the features of a trained network."""

import functools

import keras
import numpy as np
from keras import ops

from msrnn_keras.metrics.base import FrameMetric
from msrnn_keras.utils.typing import Tensor

_SMALLEST = 32  # pixels of height and width


@keras.saving.register_keras_serializable(package="msrnn_keras")
class LPIPS(FrameMetric):
    """Learned perceptual image patch similarity; lower is better.

    Version 0.1 with AlexNet, from the package `lpips`, on PyTorch. Frames of
    three channels are RGB; otherwise the score is the mean over channels, each
    as a gray image. A frame with a missing pixel has no score. It works on its
    own, in `evaluate`, and in `model.compile` if steps are not compiled: on
    PyTorch, and on TensorFlow with `run_eagerly=True`. Arguments: As in `MSE`.

    Raises:
        ImportError, RuntimeError: On update, without `lpips` or its weights.
        TypeError: On update, inside a compiled step.
        ValueError: On update, if frames are smaller than 32 x 32 pixels.

    Reference: Zhang et al., CVPR 2018, arXiv:1801.03924.
    """

    unit_range = True

    def scores(
        self, y_true: Tensor, y_pred: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        try:
            clips = [ops.convert_to_numpy(x) for x in (y_true, y_pred, valid)]
        except Exception as error:  # each backend has its own
            raise TypeError(
                "LPIPS cannot be computed inside a compiled step: leave it "
                "out of `compile` and give it to "
                "msrnn_keras.evaluation.evaluate. "
                f"Received: {type(error).__name__}: {error}"
            ) from error
        y_true, y_pred, valid = clips
        if min(y_true.shape[2:4]) < _SMALLEST:
            raise ValueError(
                f"LPIPS needs frames of at least {_SMALLEST} x {_SMALLEST} "
                "pixels; leave it out for smaller ones. "
                f"Received: y_true.shape={y_true.shape}"
            )
        network = _network()
        scores = np.full(y_true.shape[:2], np.nan, "float32")
        for index in np.ndindex(scores.shape):
            if valid[index].all():
                a, b = (_images(x[index], network) for x in (y_true, y_pred))
                scores[index] = network(a, b).mean().item()
        whole = valid.all(axis=(2, 3, 4)).astype("float32")
        return ops.convert_to_tensor(scores), ops.convert_to_tensor(whole)


def _images(frame, network):
    """Return a frame as images (number, 3, height, width) in [-1, 1]."""
    images = 2.0 * np.moveaxis(frame, -1, 0) - 1.0
    if len(images) != 3:
        images = np.repeat(images[:, None], 3, axis=1)
    images = images.reshape(-1, 3, *images.shape[-2:])
    return next(network.parameters()).new_tensor(images)


@functools.cache
def _network():
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
