"""Write small videos, images, NetCDF and radar files for tests."""

import fractions

import numpy as np
import pytest

START = np.datetime64("2020-06-01T12:00", "ns")
STEP = np.timedelta64(300, "s")
PROJ4 = "+proj=stere +lat_0=90 +lon_0=25 +lat_ts=60 +a=6371288 +units=m"


def squares(count=6, size=(16, 20)):
    """Return a bright square that moves 2 pixels right per frame, 8-bit RGB."""
    frames = np.full((count, *size, 3), 16, "uint8")
    for index in range(count):
        left = 2 * index
        frames[index, 4:12, left : left + 8] = (200, 120, 40)
    return frames


def write_avi(
    path, frames, rate=25, codec="ffv1", form="bgr0", times=None, **display
):
    """Write a video of gray, RGB or RGBA frames, with times in ms."""
    av = pytest.importorskip("av")
    kinds = {3: "rgb24", 4: "rgba"}
    kind = kinds[frames.shape[3]] if frames.ndim == 4 else "gray"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = form
        stream.thread_count = 1  # threads may outlive their frame
        if display:
            stream.set_display_rotation(**display)
        for number, frame in enumerate(frames):
            image = av.VideoFrame.from_ndarray(frame, format=kind)
            image = image.reformat(format=form)
            if times is not None:
                image.pts = times[number]
                image.time_base = fractions.Fraction(1, 1000)
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    return path


def write_images(folder, frames, names):
    from PIL import Image

    folder.mkdir()
    for frame, name in zip(frames, names, strict=True):
        Image.fromarray(frame).save(folder / name)
    return folder


def write_animation(path, frames, **options):
    """Write a file of several images."""
    from PIL import Image

    first, *others = map(Image.fromarray, frames)
    first.save(path, save_all=True, append_images=others, **options)
    return path


def rain(count=4, size=(8, 9), seed=0):
    """Return rain in mm/h, steps of 0.1, with dry and missing pixels."""
    rng = np.random.default_rng(seed)
    values = (rng.integers(0, 200, (count, *size)) / 10).astype("float32")
    values[:, 0, :3] = 0
    values[:, -1, -2:] = np.nan
    return values


def times_of(count):
    return START + np.arange(count) * STEP


def rain_dataset(values, **changes):
    """Return rain as a CF data set: projection, axes, bounds, longitudes."""
    import xarray

    count, height, width = values.shape
    times = changes.get("times", times_of(count))
    attributes = {
        "units": changes.get("units", "mm h-1"),
        "long_name": "rain rate",
        "valid_range": np.array([0, 2000], "int16"),
    }
    dataset = xarray.Dataset(
        {"rain": (("time", "y", "x"), values, attributes)},
        {
            "time": ("time", times, {"standard_name": "time"}),
            "y": ("y", 7000.0 - 1000 * np.arange(height), {"units": "m"}),
            "x": ("x", 1000.0 * np.arange(width), {"units": "m"}),
            "lon": (("y", "x"), np.ones((height, width)), {"units": "degrees"}),
        },
        {"institution": "a weather service", "history": "measured"},
    )
    dataset["crs"] = ((), 0, {"grid_mapping_name": "polar_stereographic"})
    dataset["rain"].attrs["grid_mapping"] = "crs"
    dataset["time"].attrs["bounds"] = "time_bnds"
    dataset["time_bnds"] = (
        ("time", "nv"),
        np.stack([times - STEP, times], axis=1),
    )
    dataset["height"] = (("y", "x"), np.zeros((height, width)))
    units = "seconds since 2020-01-01"
    for name in ("time", "time_bnds"):
        dataset[name].encoding.update(units=units, dtype="int64")
    return dataset


def map_dataset(values, unit="1"):
    """Return frames on rising latitudes and longitudes."""
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    _, height, width = values.shape
    return xarray.Dataset(
        {"rain": (("time", "lat", "lon"), values, {"units": unit})},
        {"lat": np.arange(float(height)), "lon": np.arange(float(width))},
    )


def write_netcdf(path, values, **changes):
    """Write `rain_dataset` packed into 16 bits."""
    packed = {"dtype": "int16", "scale_factor": 0.1, "_FillValue": -1}
    encoding = {"rain": packed} if "units" not in changes else {}
    rain_dataset(values, **changes).to_netcdf(path, encoding=encoding)
    return path


def write_odim(path, counts, quantity="RATE", proj4=PROJ4, period=None):
    """Write ODIM HDF5: 0.1 count, 255 no data, times of `period` if given."""
    import h5py
    import pyproj

    height, width = counts.shape
    corners = pyproj.Proj(PROJ4)
    with h5py.File(path, "w") as file:
        where = file.create_group("where").attrs
        where["projdef"] = np.bytes_(proj4)
        where["xscale"] = where["yscale"] = 1000.0
        low = corners(0, -3000000, inverse=True)
        high = corners(1000 * width, -3000000 + 1000 * height, inverse=True)
        where["LL_lon"], where["LL_lat"] = low
        where["UR_lon"], where["UR_lat"] = high
        data = file.create_group("dataset1/data1")
        data.create_dataset("data", data=counts)
        what = data.create_group("what").attrs
        what["quantity"] = np.bytes_(quantity)
        what["gain"], what["offset"] = 0.1, 0.0
        what["nodata"], what["undetect"] = 255.0, 0.0
        if period is not None:
            what = file.create_group("dataset1/what").attrs
            for name, time in zip(("start", "end"), period, strict=True):
                date, clock = _digits(time)
                what[f"{name}date"] = np.bytes_(date)
                what[f"{name}time"] = np.bytes_(clock)
            root = file.create_group("what").attrs
            root["date"], root["time"] = np.bytes_(date), np.bytes_(clock)
            root["source"] = np.bytes_("ORG:247")
    return path


def _digits(time):
    """Return date and clock of a time, such as 20200601 and 120000."""
    text = np.datetime_as_string(time, "s")
    return text.replace("-", "").replace(":", "").split("T")


def write_knmi(path, values, start="01-JUN-2020;11:00:00.000"):
    """Write a sum in mm until 12:00 as KNMI HDF5, on 700 by 765 km."""
    import h5py

    height, width = values.shape
    proj4 = "+proj=stere +lat_0=90 +lon_0=0.0 +lat_ts=60.0 "
    proj4 += "+a=6378.137 +b=6356.752 +x_0=0 +y_0=0"
    with h5py.File(path, "w") as file:
        overview = file.create_group("overview").attrs
        overview["product_datetime_start"] = np.bytes_(start)
        overview["product_datetime_end"] = np.bytes_("01-JUN-2020;12:00:00.000")
        geographic = file.create_group("geographic")
        attributes = geographic.attrs
        attributes["geo_column_offset"] = [0.0]
        attributes["geo_row_offset"] = [3650 * height / 765]
        attributes["geo_number_columns"] = [width]
        attributes["geo_number_rows"] = [height]
        attributes["geo_pixel_size_x"] = [700 / width]
        attributes["geo_pixel_size_y"] = [-765 / height]
        attributes["geo_dim_pixel"] = np.bytes_("KM,KM")
        projection = geographic.create_group("map_projection").attrs
        projection["projection_proj4_params"] = np.bytes_(proj4)
        image = file.create_group("image1")
        image["image_data"] = np.round(100 * values).astype("uint16")
    return path


def write_rainfields(path, values, hours, limits=True):
    """Write a sum in mm as Rainfields NetCDF, pixels of 500 m."""
    import netCDF4

    axes = {"y": values.shape[0], "x": values.shape[1]}
    with netCDF4.Dataset(path, "w") as file:
        for name, length in axes.items():
            file.createDimension(name, length)
            centers = 0.5 * np.arange(length) - 16
            axis = file.createVariable(name, "f4", (name,))
            axis.units = "km"
            axis[:] = centers[::-1] if name == "y" else centers
            if limits:
                axis.valid_min, axis.valid_max = centers[0], centers[-1]
        for name, hour in (("start_time", 12 - hours), ("valid_time", 12)):
            time = file.createVariable(name, "i4")
            time.units = "seconds since 2020-06-01 00:00:00 UTC"
            time[...] = 3600 * hour
        projection = file.createVariable("proj", "i1")
        projection.grid_mapping_name = "albers_conical_equal_area"
        projection.longitude_of_central_meridian = 144.752
        projection.latitude_of_projection_origin = -37.852
        projection.standard_parallel = np.array([-18.0, -36.0])
        rain = file.createVariable("precipitation", "f4", ("y", "x"))
        rain.units = "kg m-2"
        rain[:] = values
    return path


def write_pgm(path, counts):
    """Write a radar image in the PGM format of FMI."""
    height, width = counts.shape
    header = [
        "P5",
        "# type stereographic",
        "# centrallongitude 25",
        "# centrallatitude 90",
        "# truelatitude 60",
        "# bottomleft 18.600000 57.930000",
        "# topright 34.903000 69.005000",
        "# metersperpixel_x 999.674053",
        "# metersperpixel_y 999.62859",
        f"{width} {height}",
        "255\n",
    ]
    path.write_bytes("\n".join(header).encode() + counts.tobytes())
    return path
