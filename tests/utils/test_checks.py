import numpy as np
import pytest

from msrnn_keras.utils import checks

pytestmark = pytest.mark.backend_free


def test_numbers():
    for check, rest, good, bad in (
        (checks.check_positive, (), 1, [0, -1, 1.5, "1", None, True]),
        (
            checks.check_finite,
            (),
            np.float32(0.5),
            [np.nan, -np.inf, "1", True],
        ),
        (checks.check_limit, (8, "float16"), 8, [0, -1, 9, np.nan, None]),
        (checks.check_multiple, (4,), 8, [6, 3]),
    ):
        check("size", good, *rest)
        for value in bad:
            with pytest.raises(ValueError, match="`size`.*Received: size="):
                check("size", value, *rest)
    checks.check_even((1, None, 4, 3))
    with pytest.raises(ValueError, match=r"even.*Received: shape=\(1, 5, 4"):
        checks.check_even((1, 5, 4, 3))


def test_filled():
    values = np.ma.masked_greater(np.array([0.5, 1e20], "float32"), 1e6)
    for array in (values, [values, values]):
        given = checks.filled(array)
        assert type(given) is np.ndarray and given.dtype == "float32"
        row = given if given.ndim == 1 else given[1]
        np.testing.assert_array_equal(row, np.float32([0.5, np.nan]))
    assert values.data[1] == np.float32(1e20)  # the input is unchanged
    plain = np.zeros(3)
    assert checks.filled(plain) is plain
    with pytest.raises(TypeError, match="masked.*Received: dtype=uint8"):
        checks.filled(np.ma.masked_equal(np.zeros(3, "uint8"), 0))
