"""Builds the distribution `msrnn-keras`: packages `msrnn_keras` and `zoo`."""

from pathlib import Path

from setuptools import find_packages, setup

VIDEO = ["imageio", "av"]
RADAR = ["pysteps", "opencv-python-headless", "pyproj", "xarray", "netCDF4"]
HUB = ["huggingface_hub"]
TEST = [
    *VIDEO,
    *RADAR,
    *HUB,
    "jax",
    "jupytext",
    "pydot",
    "pytest",
    "pytest-xdist",
    "scikit-image",
    "scikit-learn",
    "setuptools",
    "torch",
    "wheel",
]

setup(
    name="msrnn-keras",
    version="0.1.0",
    description=(
        "MS-RNN for Keras 3: multi-scale recurrent networks that forecast "
        "frames, on TensorFlow, JAX and PyTorch"
    ),
    long_description=Path(__file__)
    .with_name("README.md")
    .read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(
        include=["msrnn_keras", "msrnn_keras.*", "zoo", "zoo.*"]
    ),
    package_data={
        "msrnn_keras": ["data/datasets/digits.npz", "data/datasets/README.md"],
        "zoo": [
            "long_streams.json",
            "manifest.json",
            "recipes/**",
            "presets/*/*/small/**",  # the others are fetched on first use
        ],
    },
    include_package_data=False,
    zip_safe=False,
    install_requires=[
        "filelock",
        "h5py",
        "keras>=3.12",
        "keras-tuner",
        "matplotlib",
        "numpy",
        "pillow",
        "tensorflow",
        "tensorflow-datasets",
    ],
    extras_require={
        "jax": ["jax"],
        "torch": ["torch"],
        "video": VIDEO,
        "radar": RADAR,
        "hub": HUB,
        "lpips": ["lpips", "torch", "torchvision"],
        "test": TEST,
        "dev": [*TEST, "ruff"],
    },
    entry_points={"console_scripts": ["msrnn = msrnn_keras.cli.main:main"]},
    keywords=[
        "keras",
        "video prediction",
        "precipitation nowcasting",
        "ConvLSTM",
        "PredRNN",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
