"""Pictures of forecasts and of scores, as matplotlib figures."""

from msrnn_keras.plots.clips import check_clip, check_clips
from msrnn_keras.plots.colors import (
    MISSING_COLOR,
    NO_DATA_COLOR,
    RAIN_COLORS,
    RAIN_LEVELS,
)
from msrnn_keras.plots.curves import plot_curves
from msrnn_keras.plots.errors import plot_errors
from msrnn_keras.plots.flow import plot_flow
from msrnn_keras.plots.forecast import plot_forecast
from msrnn_keras.plots.radar import plot_radar
from msrnn_keras.plots.times import MAX_COLUMNS

__all__ = [
    "MAX_COLUMNS",
    "MISSING_COLOR",
    "NO_DATA_COLOR",
    "RAIN_COLORS",
    "RAIN_LEVELS",
    "check_clip",
    "check_clips",
    "plot_curves",
    "plot_errors",
    "plot_flow",
    "plot_forecast",
    "plot_radar",
]
