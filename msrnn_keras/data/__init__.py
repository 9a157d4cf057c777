"""Data sets, each giving clips as batches `(past, future)`."""

from msrnn_keras.data.digits import digits_source, load_digits, sample_digits
from msrnn_keras.data.moving_mnist import (
    MovingMNIST,
    clips_sha256,
    draw_clips,
    moving_digits,
    trajectory,
    verify_test_set,
)
from msrnn_keras.data.tf_data import as_tf_data

__all__ = [
    "MovingMNIST",
    "as_tf_data",
    "clips_sha256",
    "digits_source",
    "draw_clips",
    "load_digits",
    "moving_digits",
    "sample_digits",
    "trajectory",
    "verify_test_set",
]
