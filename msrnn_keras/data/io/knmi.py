"""What the pysteps importer of KNMI's HDF5 files has to be told."""

import re

import h5py
import numpy as np

IMPORTER = "knmi_hdf5"
FORMULA = (0.5, -32.0)  # dBZ of a stored number, in the importer
_NUMBER = r"([+-]?[\d.]+)"
_FORMULA = re.compile(rf"GEO\s*=\s*{_NUMBER}\s*\*\s*PV\s*\+\s*{_NUMBER}")


def with_quantity(importer, path, options):
    """Return the importer's options with the quantity that a file states.

    The importer reads reflectivity with `qty="DBZH"` only: 255 is missing, and
    0 is a dry pixel of -32 dBZ, although such files declare 0 as missing.
    """
    if importer.lower() != IMPORTER:
        return options
    try:
        with h5py.File(path) as file:
            quantity = _text(file["image1"], "image_geo_parameter")
            formula = _text(file["image1/calibration"], "calibration_formulas")
    except (OSError, KeyError):
        return options  # a sum without calibration, or refused when read
    if "DBZ" in quantity.upper():
        options = {"qty": "DBZH", **options}
    found = _FORMULA.search(formula)
    numbers = tuple(map(float, found.groups())) if found else None
    if options.get("qty") == "DBZH" and numbers != FORMULA:
        raise ValueError(
            "The calibration of a reflectivity of KNMI must be "
            "GEO = 0.5 * PV + -32, which the importer assumes. "
            f"Received: {formula!r} in {str(path)!r}"
        )
    return options


def _text(group, name):
    value = np.ravel(group.attrs[name])[0]
    return value.decode() if isinstance(value, bytes) else str(value)
