"""Figures and animations of forecasts, and figures of scores."""

from msrnn_keras.plots.animation import (
    forecast_frames,
    save_animation,
    save_gif,
)
from msrnn_keras.plots.calibration import (
    plot_rank_histogram,
    plot_reliability,
    plot_spread_skill,
)
from msrnn_keras.plots.colors import (
    MISSING_COLOR,
    NO_DATA_COLOR,
    RAIN_COLORS,
    RAIN_LEVELS,
)
from msrnn_keras.plots.curves import plot_curves
from msrnn_keras.plots.ensembles import plot_exceedance, plot_stamps
from msrnn_keras.plots.flow import plot_flow
from msrnn_keras.plots.forecast import plot_errors, plot_forecast, plot_radar
from msrnn_keras.plots.times import MAX_COLUMNS

__all__ = [
    "MAX_COLUMNS",
    "MISSING_COLOR",
    "NO_DATA_COLOR",
    "RAIN_COLORS",
    "RAIN_LEVELS",
    "forecast_frames",
    "plot_curves",
    "plot_errors",
    "plot_exceedance",
    "plot_flow",
    "plot_forecast",
    "plot_radar",
    "plot_rank_histogram",
    "plot_reliability",
    "plot_spread_skill",
    "plot_stamps",
    "save_animation",
    "save_gif",
]
