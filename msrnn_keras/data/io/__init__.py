"""Read frames from files and write forecasts."""
