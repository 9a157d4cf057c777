import pickle

import h5py
import numpy as np

from tests.recordings import write_avi

TAXI_SLOTS = {
    "BJ13": ("2013-07-01", 300),
    "BJ14": ("2014-03-01", 200),
    "BJ15": ("2015-03-01", 100),
    "BJ16": ("2015-11-01", 2900),
}
# Missing slots of BJ16: in training, validation and test.
TAXI_GAPS = (50, 700, 701, 2400)
RAIN_FRAMES = {
    "2014-12-31T23:00": 12,
    "2015-01-01": 30,  # continues the frames before
    "2015-12-31T23:20": 8,
    "2016-01-01": 30,
    "2017-12-31T23:00": 12,
    "2018-01-01": 5,  # after all splits
}
RAIN_GAPS = np.array(["2015-01-01T01:05", "2016-01-01T01:00"], "M8[m]")


def taxi_number(times):
    """Return the half hours since 2013, shown by the in-flow."""
    since = np.asarray(times, "datetime64[m]") - np.datetime64("2013-01-01")
    return since.astype("int64") // 30


def taxi_dates(times):
    days = times.astype("datetime64[D]")
    slots = (times - days).astype("int64") // 30 + 1
    pairs = zip(np.datetime_as_string(days), slots, strict=True)
    dates = [f"{day.replace('-', '')}{slot:02d}" for day, slot in pairs]
    return np.array(dates, "S10")


def write_taxibj(folder):
    folder.mkdir(exist_ok=True)
    all_times = []
    for name, (day, count) in TAXI_SLOTS.items():
        times = np.datetime64(day, "m") + 30 * np.arange(count)
        if name == "BJ16":
            times = np.delete(times, TAXI_GAPS)
        number = taxi_number(times)[:, None, None, None]
        data = np.broadcast_to(number, (len(times), 2, 32, 32)).astype("f4")
        data[:, 1] -= 7  # the out-flow
        data[:, :, 0, 0] = -1
        with h5py.File(folder / f"{name}_M32x32_T30_InOut.h5", "w") as file:
            file["data"], file["date"] = data, taxi_dates(times)
        all_times.append(times)
    return np.concatenate(all_times)


def rain_times():
    parts = RAIN_FRAMES.items()
    times = [np.datetime64(a, "m") + 5 * np.arange(n) for a, n in parts]
    return np.setdiff1d(np.concatenate(times), RAIN_GAPS)


def rain_name(time):
    return "".join(c for c in str(time) if c.isdigit())


def rain_number(times):
    """Return a number from 1 to 97 that increases every five minutes."""
    minutes = np.asarray(times, "datetime64[m]").astype("int64")
    return minutes // 5 % 97 + 1


def write_germany(path):
    with h5py.File(path, "w") as file:
        for time in rain_times():
            frame = np.full((900, 900), rain_number(time) / 100, "float32")
            frame[:194] = frame[706:] = 50.0  # outside
            frame[194:198, 194:197] = np.nan  # 12 of 16 pixels of a block
            frame[194:198, 198:200] = -9999.0  # 8 of 16
            frame[198:202, 194:198] = np.nan  # a whole block
            frame[202:206, 194:196] = 3.0  # half of it another value
            frame[300, 300] = 0.0
            name = rain_name(time)
            file.create_dataset(name, data=frame, compression="lzf")


KTH_LISTING = """\
Frames of each video with a person in view:

Training: person 11, 12, 13

person01_walking_d1\t\tframes\t1-40, 45-80, 81-85
person01_boxing_d1  frames 1-35,
person13_handclapping_d3\t*missing*
person14_running_d2\t\tframes\t1 - 40\r
person15_walking_d1 frames 3-40
person16_jogging_d4 frames 1-35
person17_walking_d1 frames 1-40, 41-80
person25_handwaving_d3 frames 1-35
"""


def kth_frames(person, count):
    """Return frames that show the person (left) and the index (right)."""
    frames = np.zeros((count, 120, 160), "uint8")
    frames[:, :, :80] = 5 * person
    frames[:, :, 80:] = 2 * np.arange(1, count + 1)[:, None, None]
    return frames


def write_kth(folder):
    folder.mkdir(exist_ok=True)
    (folder / "00sequences.txt").write_text(KTH_LISTING)
    for line in KTH_LISTING.splitlines():
        if not line.startswith("person") or "missing" in line:
            continue
        name = line.split()[0]
        count = int(line.replace(",", " ").replace("-", " ").split()[-1])
        place = folder
        if "walking" in name:  # as unpacked, a folder for each action
            place = folder / "walking"
            place.mkdir(exist_ok=True)
        frames = kth_frames(int(name[6:8]), count)
        write_avi(place / f"{name}_uncomp.avi", frames, form="gray")


def written_times(clips, number):
    """Return the number in each frame of each clip, `(clips, frames)`."""
    length = clips.context + clips.horizon
    numbers = number(clips.source.read(0, len(clips.source)))
    for start in clips.starts[::50].tolist():
        part = number(clips.source.read(start, start + length))
        np.testing.assert_array_equal(part, numbers[start : start + length])
    return numbers[clips.starts[:, None] + np.arange(length)]


def whole_windows(times, length, step):
    windows = np.lib.stride_tricks.sliding_window_view(times, length)
    steps = np.diff(windows, axis=1)
    return windows[np.all(steps == np.timedelta64(step, "m"), axis=1)]


def assert_no_file_stays_open(source):
    before = source.read(2, 4)
    assert not h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)
    copy = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(copy.read(2, 4), before)
