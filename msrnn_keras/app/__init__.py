"""A page in the browser that forecasts samples, files and drawn digits."""
