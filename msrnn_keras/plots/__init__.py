"""Figures and animations of forecasts, and figures of scores."""

from msrnn_keras.plots.animation import (
    forecast_frames,
    save_animation,
    save_gif,
)
from msrnn_keras.plots.colors import (
    MISSING_COLOR,
    NO_DATA_COLOR,
    RAIN_COLORS,
    RAIN_LEVELS,
)
from msrnn_keras.plots.curves import plot_curves
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
    "plot_flow",
    "plot_forecast",
    "plot_radar",
    "save_animation",
    "save_gif",
]
