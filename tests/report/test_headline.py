import pytest

from msrnn_keras.report.headline import headline

pytestmark = pytest.mark.backend_free


def scores(key="mse", **values):
    return {
        k.replace("_", " "): {"forecast": {key: x}} for k, x in values.items()
    }


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"net": 24, "persistence": 100}, "net: 76% less MSE than persistence"),
        (
            {"net": 250, "persistence": 100},
            "net: 150% more MSE than persistence",
        ),
        (
            {"net": 99.6, "persistence": 100},
            "net: 0.4% less MSE than persistence",
        ),
        (
            {"net": 1e-3, "persistence": 100},
            "net: 99.9% less MSE than persistence",
        ),
        ({"net": 0, "persistence": 100}, "net: 100% less MSE than persistence"),
        ({"net": 1, "persistence": 1}, "net: the MSE of persistence"),
        ({"net": 71.961}, "net: MSE 71.96"),
        ({"net": 71.961, "all_black": 3}, "net: MSE 71.96"),
        ({"net": 1, "persistence": 0}, "net: MSE 1.00"),
        ({"net": 1, "persistence": None}, "net: MSE 1.00"),
        ({"net": None, "persistence": 1}, "net: no score"),
        ({"persistence": 2}, "persistence: MSE 2.00"),
        (
            {"a": 60, "b": 50, "persistence": 100, "all_black": 10},
            "b, the best of 2 models: 50% less MSE than persistence",
        ),
    ],
)
def test_it_compares_the_best_model_with_persistence(given, expected):
    assert headline(scores(**given)) == expected


def test_it_follows_the_direction_of_the_first_score():
    given = scores("ssim", a=0.9, b=0.6, persistence=0.5)
    expected = "a, the best of 2 models: 80% higher SSIM than persistence"
    assert headline(given) == expected
    given = scores("csi_2", a=0.2, persistence=0.4)
    assert headline(given) == "a: 50% lower CSI at 2 than persistence"
    assert headline(scores("own", a=2.0, b=3.0)) == "a: Own 2"
    assert headline({"a": {"forecast": {}}}) == "a: no score"
