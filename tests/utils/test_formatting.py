import pytest

from msrnn_keras.utils.formatting import format_number

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1234.567,), "1235"),
        ((1234.567, ",.2f"), "1,234.57"),
        ((0, ","), "0"),
        ((None,), "–"),
        ((float("nan"), ".1f"), "–"),
        ((float("inf"), ".1f"), "inf"),
    ],
)
def test_numbers_and_dashes(arguments, text):
    assert format_number(*arguments) == text
