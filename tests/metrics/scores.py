"""Clips to score, and references from NumPy and scikit-image."""

import numpy as np
from keras import ops
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from msrnn_keras import metrics

NAMES = "MSE MAE PSNR SSIM GDL BalancedMSE BalancedMAE".split()
CLASSES = {
    name.lower().replace("ced", "ced_"): getattr(metrics, name)
    for name in NAMES
}


def clips(shape=(2, 3, 16, 20, 1), noise=0.3, seed=0):
    """Return smooth clips and noisy predictions, some outside [0, 1]."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 3, shape[2])[:, None, None]
    columns = np.linspace(0, 4, shape[3])[:, None]
    phase = rng.uniform(0, 6, shape[:2])[:, :, None, None, None]
    truth = 0.5 + 0.5 * np.sin(rows * columns + phase + np.arange(shape[4]))
    prediction = truth + noise * rng.normal(size=shape)
    return truth.astype("float32"), prediction.astype("float32")


def score(key, truth, prediction, **options):
    scores = CLASSES[key](**options).frame_scores(truth, prediction)
    return ops.convert_to_numpy(scores)


def gradient_difference(truth, errors, alpha):
    total = 0.0
    for axis in (2, 3):
        true = np.abs(np.diff(truth.astype("float64"), axis=axis))
        pred = np.abs(np.diff(truth + errors, axis=axis))
        total += (np.abs(true - pred) ** alpha).sum(axis=(2, 3, 4))
    return total


def reference(key, truth, prediction, alpha=1):
    """Return the scores of all frames, from NumPy and scikit-image."""
    errors = np.clip(prediction.astype("float64"), 0, 1) - truth
    if key == "gdl":
        return gradient_difference(truth, errors, alpha)
    if key[-3:] in ("mse", "mae"):
        # Of the balanced ones, only the threshold 0.5 lies within [0, 1], and
        # both weights are 1.
        power = 2 if key.endswith("mse") else 1
        return (np.abs(errors) ** power).sum(axis=(2, 3, 4))
    values = np.empty(truth.shape[:2])
    for index in np.ndindex(values.shape):
        true = truth[index].astype("float64")
        pred = np.clip(prediction[index].astype("float64"), 0, 1)
        if key == "psnr":
            values[index] = peak_signal_noise_ratio(true, pred, data_range=1)
        else:
            options = {"gaussian_weights": True, "use_sample_covariance": False}
            options |= {"sigma": 1.5, "data_range": 1, "channel_axis": -1}
            values[index] = structural_similarity(true, pred, **options)
    return values
