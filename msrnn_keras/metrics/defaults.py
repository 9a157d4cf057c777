"""The metrics that an evaluation uses."""

from collections.abc import Collection

import keras
from keras import ops

from msrnn_keras.metrics.ensembles import CRPS, SpreadSkillRatio
from msrnn_keras.metrics.events import CSI, FAR, FSS, HSS, POD
from msrnn_keras.metrics.pixel_errors import MAE, MSE, PSNR
from msrnn_keras.metrics.ssim import SSIM, WINDOW
from msrnn_keras.utils.arguments import check_integers, check_numbers


def default_metrics(ensemble: bool = False) -> list[keras.metrics.Metric]:
    """Return the metrics that `evaluate` uses by default.

    They are MSE, MAE, SSIM (no score for frames smaller than 11 x 11 pixels),
    PSNR and the MSE without clipping, named "mse_unclipped"; for an `ensemble`
    also the CRPS and the ratio of spread and skill.
    """
    unclipped = MSE(clip=False, name="mse_unclipped")
    metrics = [MSE(), MAE(), _OptionalSSIM(name="ssim"), PSNR(), unclipped]
    return metrics + [CRPS(), SpreadSkillRatio()] * bool(ensemble)


def threshold_metrics(
    thresholds: Collection[float], windows: Collection[int] = ()
) -> list[keras.metrics.Metric]:
    """Return POD, FAR, CSI and HSS at thresholds, and FSS in windows (pixels).

    Raises:
        ValueError: If a threshold or window is unsuitable.

    Example:
        >>> [m.name for m in threshold_metrics([0.5], windows=[3])]
        ['pod_0.5', 'far_0.5', 'csi_0.5', 'hss_0.5', 'fss_0.5_3']
    """
    thresholds = check_numbers("thresholds", thresholds)
    windows = check_integers("windows", windows)
    if len(windows) and not len(thresholds):
        raise ValueError(
            "`windows` need `thresholds`, at which the FSS is computed. "
            f"Received: windows={windows}, thresholds={thresholds}"
        )
    metrics = []
    for threshold in thresholds:
        metrics += [make(threshold) for make in (POD, FAR, CSI, HSS)]
        metrics += [FSS(threshold, window) for window in windows]
    return metrics


@keras.saving.register_keras_serializable(package="msrnn_keras")
class _OptionalSSIM(SSIM):
    """SSIM without a score for frames smaller than its window."""

    def scores(self, y_true, y_pred, valid):
        sizes = [size for size in y_true.shape[2:4] if size is not None]
        if min(sizes, default=WINDOW) < WINDOW:
            nothing = ops.zeros_like(y_true[:, :, 0, 0, 0])
            return nothing, nothing
        return super().scores(y_true, y_pred, valid)
