import fractions
import functools
import re

import h5py
import numpy as np
import pytest
from PIL import Image

START = np.datetime64("2020-06-01T12:00", "ns")
STEP = np.timedelta64(300, "s")
PROJ4 = "+proj=stere +lat_0=90 +lon_0=25 +lat_ts=60 +a=6371288 +units=m"
PGM_HEADER = """P5
# type stereographic
# centrallongitude 25
# centrallatitude 90
# truelatitude 60
# bottomleft 18.600000 57.930000
# topright 34.903000 69.005000
# metersperpixel_x 999.674053
# metersperpixel_y 999.62859
"""


def squares(count=6, size=(16, 20)):
    """Return a bright square that moves 2 pixels right per frame, 8-bit RGB."""
    frames = np.full((count, *size, 3), 16, "uint8")
    for index in range(count):
        frames[index, 4:12, 2 * index : 2 * index + 8] = (200, 120, 40)
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
    folder.mkdir()
    for frame, name in zip(frames, names, strict=True):
        Image.fromarray(frame).save(folder / name)
    return folder


def write_animation(path, frames, **options):
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
    bounds = np.stack([times - STEP, times], axis=1)
    dataset["time_bnds"] = (("time", "nv"), bounds)
    dataset["height"] = (("y", "x"), np.zeros((height, width)))
    units = "seconds since 2020-01-01"
    for name in ("time", "time_bnds"):
        dataset[name].encoding.update(units=units, dtype="int64")
    return dataset


def grid_dataset(values, unit="mm/h"):
    """Return frames on the European grid EPSG:3035, pixels of 250 m."""
    import pyproj
    import xarray

    count, height, width = values.shape
    attributes = {"units": unit, "long_name": "rain rate"}
    axis = {"units": "m", "standard_name": "projection_{}_coordinate"}
    axes = {name: {k: v.format(name) for k, v in axis.items()} for name in "xy"}
    dataset = xarray.Dataset(
        {"rain": (("time", "y", "x"), values, attributes)},
        {
            "time": times_of(count).astype("M8[ns]"),
            "y": ("y", 3.2e6 - 250.0 * np.arange(height), axes["y"]),
            "x": ("x", 4.1e6 + 250.0 * np.arange(width), axes["x"]),
            "crs": ((), 0, pyproj.CRS("EPSG:3035").to_cf()),
        },
    )
    dataset["rain"].encoding["grid_mapping"] = "crs"
    return dataset


def write_empty_zarr(path, axes, shape):
    """Write a Zarr store of rain whose zeros take no room; return its array."""
    zarr = pytest.importorskip("zarr")
    axes.to_zarr(path, zarr_format=3, consolidated=False)
    return zarr.open_group(path, mode="a").create_array(
        "rain",
        shape=shape,
        chunks=(5, 512, 512),
        dtype="float32",
        fill_value=0,
        attributes={"units": "mm/h", "grid_mapping": "crs"},
        dimension_names=("time", "y", "x"),
    )


def write_grib(path, values, **keys):
    """Write rising minutes of frames in degrees, rows from north to south."""
    eccodes = pytest.importorskip("eccodes")
    _, height, width = values.shape
    grid = {
        "Ni": width,
        "Nj": height,
        "latitudeOfFirstGridPointInDegrees": 50 + height - 1,
        "latitudeOfLastGridPointInDegrees": 50,
        "longitudeOfFirstGridPointInDegrees": 5,
        "longitudeOfLastGridPointInDegrees": 5 + width - 1,
        "iDirectionIncrementInDegrees": 1,
        "jDirectionIncrementInDegrees": 1,
    }
    with open(path, "wb") as file:
        for number, frame in enumerate(values):
            message = eccodes.codes_grib_new_from_samples(
                "regular_ll_sfc_grib2"
            )
            time = {"dataDate": 20200601, "dataTime": 1200 + 5 * number}
            for key, value in {**grid, **time, **keys}.items():
                value = value[number] if isinstance(value, list) else value
                eccodes.codes_set(message, key, value)
            eccodes.codes_set(message, "shortName", "prate")
            eccodes.codes_set(message, "bitsPerValue", 24)
            eccodes.codes_set(message, "missingValue", -999.0)
            eccodes.codes_set(message, "bitmapPresent", 1)
            frame = np.nan_to_num(frame, nan=-999.0).astype("float64")
            eccodes.codes_set_values(message, frame.ravel())
            eccodes.codes_write(message, file)
            eccodes.codes_release(message)
    return path


def write_tiff(path, values, **options):
    """Write bands on 250 m of EPSG:3035, without times."""
    rasterio = pytest.importorskip("rasterio")
    count, height, width = values.shape
    given = {
        "crs": "EPSG:3035",
        "transform": rasterio.Affine(250, 0, 4.1e6, 0, -250, 3.2e6),
        "dtype": values.dtype,
        **{"count": count, "height": height, "width": width},
        **options,
    }
    with rasterio.open(path, "w", driver="GTiff", **given) as file:
        file.write(values)
    return path


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
    import pyproj

    height, width = 1000 * np.array(counts.shape)
    degrees = functools.partial(pyproj.Proj(PROJ4), inverse=True)
    with h5py.File(path, "w") as file:
        where = file.create_group("where").attrs
        where.update(projdef=np.bytes_(proj4), xscale=1000.0, yscale=1000.0)
        where["LL_lon"], where["LL_lat"] = degrees(0, -3000000)
        where["UR_lon"], where["UR_lat"] = degrees(width, -3000000 + height)
        data = file.create_group("dataset1/data1")
        data["data"] = counts
        what = data.create_group("what").attrs
        what.update(quantity=np.bytes_(quantity), gain=0.1, offset=0.0)
        what.update(nodata=255.0, undetect=0.0)
        if period is not None:
            what = file.create_group("dataset1/what").attrs
            for name, time in zip(("start", "end"), period, strict=True):
                text = re.sub(r"\D", "", np.datetime_as_string(time, "s"))
                date, clock = np.bytes_(text[:8]), np.bytes_(text[8:])
                what.update({f"{name}date": date, f"{name}time": clock})
            root = file.create_group("what").attrs
            root.update(date=date, time=clock, source=np.bytes_("ORG:247"))
    return path


def write_knmi(path, values, start="01-JUN-2020;11:00:00.000"):
    """Write a sum in mm until 12:00 as KNMI HDF5, on 700 by 765 km."""
    height, width = values.shape
    proj4 = "+proj=stere +lat_0=90 +lon_0=0.0 +lat_ts=60.0 "
    proj4 += "+a=6378.137 +b=6356.752 +x_0=0 +y_0=0"
    with h5py.File(path, "w") as file:
        overview = file.create_group("overview").attrs
        overview["product_datetime_start"] = np.bytes_(start)
        overview["product_datetime_end"] = np.bytes_("01-JUN-2020;12:00:00.000")
        grid = file.create_group("geographic").attrs
        grid.update(geo_column_offset=[0.0], geo_dim_pixel=np.bytes_("KM,KM"))
        grid.update(geo_row_offset=[3650 * height / 765])
        grid.update(geo_number_columns=[width], geo_number_rows=[height])
        grid["geo_pixel_size_x"] = [700 / width]
        grid["geo_pixel_size_y"] = [-765 / height]
        projection = file.create_group("geographic/map_projection").attrs
        projection["projection_proj4_params"] = np.bytes_(proj4)
        file["image1/image_data"] = np.round(100 * values).astype("uint16")
    return path


def write_knmi_reflectivity(path, counts, formula="0.500000 * PV + -32.000000"):
    """Write stored numbers as KNMI HDF5 of reflectivity, as of 2021."""
    write_knmi(path, np.zeros(counts.shape), "01-JUN-2020;12:00:00.000")
    proj4 = "+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60 +a=6378.14 +b=6356.75 "
    with h5py.File(path, "a") as file:
        del file["image1/image_data"]
        image = file["image1"]
        image["image_data"] = counts.astype("uint8")
        image.attrs["image_geo_parameter"] = np.bytes_("REFLECTIVITY_[DBZ]")
        calibration = image.create_group("calibration").attrs
        calibration["calibration_formulas"] = np.bytes_(f"GEO = {formula}")
        calibration["calibration_missing_data"] = [0]
        calibration["calibration_out_of_image"] = [255]
        projection = file["geographic/map_projection"].attrs
        proj4 += "+x_0=0 y_0=0"
        projection["projection_proj4_params"] = np.bytes_(proj4)
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
    sizes = "{1} {0}\n255\n".format(*counts.shape)
    path.write_bytes((PGM_HEADER + sizes).encode() + counts.tobytes())
    return path
