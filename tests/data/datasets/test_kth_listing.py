import pytest

from msrnn_keras.data.datasets.kth import parse_sequences
from tests.data.datasets import published

pytestmark = pytest.mark.backend_free


def test_parse_sequences():
    found = parse_sequences(published.KTH_LISTING)
    assert len(found) == 7
    assert found["person01_walking_d1"] == [(0, 40), (44, 80), (80, 85)]
    assert found["person01_boxing_d1"] == [(0, 35)]
    assert found["person14_running_d2"] == [(0, 40)]
    assert "person13_handclapping_d3" not in found


@pytest.mark.parametrize(
    "line",
    [
        "person01_boxing_d1 frames 1-a",
        "person01_boxing_d1 frames",
        "person01_boxing_d1 frames 9-8",
        "person01_boxing_d1 frames 0-8",
        "person02_boxing_d1 frames 1-8",
    ],
)
def test_lines_of_another_form(line):
    text = f"header\nperson02_boxing_d1 frames 1-8\n{line}\n"
    with pytest.raises(ValueError, match=f"Line 3 .*Received: '{line}'$"):
        parse_sequences(text)
    with pytest.raises(ValueError, match="Received: 6 characters"):
        parse_sequences("header")
