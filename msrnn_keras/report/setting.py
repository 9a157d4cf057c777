"""The machine and the versions that computed the scores."""

import pathlib
import platform
from importlib import metadata

import keras

_CPU_INFO = pathlib.Path("/proc/cpuinfo")


def describe_machine():
    """Describe the hardware and the versions in use.

    Returns:
        A dict of strings: "Hardware", "System" and "Versions".

    Example:
    >>> write_report("report.html", scores, setting=describe_machine())
    """
    import msrnn_keras
    from msrnn_keras.cost.measure.device import device_name

    device, processor = device_name(), _processor()
    hardware = device if device.startswith("CPU") else f"{device}; CPU"
    backend = keras.backend.backend()
    versions = {
        "msrnn-keras": msrnn_keras.__version__,
        "keras": keras.__version__,
        backend: _version(backend),
        "numpy": _version("numpy"),
        "Python": platform.python_version(),
    }
    return {
        "Hardware": f"{hardware}, {processor}" if processor else hardware,
        "System": f"{platform.system()} {platform.machine()}",
        "Versions": ", ".join(f"{k} {v}" for k, v in versions.items()),
    }


def _processor():
    """Return the model name of the CPU."""
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()


def _version(package):
    """Return the version of a package, also of tensorflow-cpu and the like."""
    names = metadata.packages_distributions().get(package)
    return metadata.version(names[0]) if names else "of unknown version"
