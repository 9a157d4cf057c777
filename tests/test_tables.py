from msrnn_keras.tables import aligned


def test_rows_are_aligned():
    assert aligned([("", "ab"), ("cde", "f")]) == ["     ab", "cde   f"]
