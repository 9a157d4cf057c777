import pytest

from msrnn_keras.utils.names import lookup

pytestmark = pytest.mark.backend_free

TABLE = {"ms-convlstm": 1, "convlstm": 2, "predrnn": 3}


def test_spelling_does_not_matter_and_unknown_names_give_the_nearest():
    for name in ("ms-convlstm", "MS_ConvLSTM", " Ms-convLSTM"):
        assert lookup(name, TABLE, "model") == ("ms-convlstm", 1)
    with pytest.raises(ValueError, match="model; .*: predrnn. Rec.*'predrn'"):
        lookup("predrn", TABLE, "model")
    with pytest.raises(ValueError, match="convlstm, ms-convlstm, predrnn. "):
        lookup("zzz", TABLE, "model")
    many = {f"model-{i:03}": i for i in range(100)}
    with pytest.raises(ValueError, match=r"are: [^,]+, [^,]+, [^,]+\. Rec"):
        lookup("zzz", many, "model")
    with pytest.raises(ValueError, match="string. Received: None"):
        lookup(None, TABLE, "model")
