import pytest

from msrnn_keras.utils.tables import aligned

pytestmark = pytest.mark.backend_free


def test_rows_are_aligned():
    assert aligned([("", "ab"), ("cde", "f")]) == ["     ab", "cde   f"]
