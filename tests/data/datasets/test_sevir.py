import numpy as np
import pytest

from msrnn_keras.data import Sevir, load
from tests.data.datasets import published

# (index, first frame) of each clip.
CLIPS = {
    "train": [(1, 0), (1, 12), (1, 24), (0, 0), (0, 12), (0, 24)],
    "validation": [(0, 0), (0, 12), (0, 24)],
    "test": [(1, 0), (1, 12), (1, 24), (2, 0), (2, 12), (2, 24)],
}


@pytest.mark.parametrize("split", CLIPS)
def test_three_clips_of_each_event_of_a_split(sevir, split):
    clips = load("sevir", split, path=sevir, shuffle=False)
    found = []
    for number in range(clips.num_clips):
        shown = np.rint(clips.clip(number)[:, 0, 1, 0] * 255)
        np.testing.assert_array_equal(np.diff(shown), 1)
        found.append(divmod(int(shown[0]), 64))
    assert found == CLIPS[split]
    x, y = clips[0]
    assert x.shape[1:] == (13, 384, 384, 1) and y.shape[1] == 12


def test_times_and_reading_across_events(sevir):
    source = Sevir("test", sevir)
    assert source.times[24] == np.datetime64("2019-07-01T12:00")
    assert source.times[0] == np.datetime64("2019-07-01T10:00")
    np.testing.assert_array_equal(
        source.read(47, 51)[:, 0, 1, 0], [64 + 47, 64 + 48, 128, 129]
    )
    published.assert_no_file_stays_open(source)


def test_wrong_and_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="CATALOG.csv"):
        Sevir("test", tmp_path)
    catalog = tmp_path / "CATALOG.csv"
    catalog.write_text("id,file_name\n")
    with pytest.raises(ValueError, match=r"pct_missing. Received: \['id', "):
        Sevir("test", tmp_path)
    header = published.SEVIR_HEADER + "\n"
    row = "S,vil/a.h5,0,vil,2018-01-01 00:00:00,,0\n"
    catalog.write_text(header + row)
    with pytest.raises(ValueError, match="'test'. Received: none in"):
        Sevir("test", tmp_path)
    with pytest.raises(FileNotFoundError, match="Received: .*a.h5"):
        Sevir("train", tmp_path)
