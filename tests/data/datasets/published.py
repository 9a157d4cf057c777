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


RADAR_FILES = {
    "knmi/knmi_2021-01-01_2021-01-04": "2021-01-01",
    "knmi/knmi_2021-01-05_2021-01-08": "2021-01-05",
    "knmi/knmi_2021-01-09_2021-02-02": "2021-01-09",
    "knmi/knmi_2021-02-03_2021-02-06": "2021-02-03",
    "knmi/knmi_2021-02-07_2021-02-10": "2021-02-07",
}


def radar_counts(frames, height, width):
    """Return stored numbers: rain of 7 dBZ and more that rises with time."""
    counts = np.zeros((frames, height, width), "uint8")
    counts[:, 2:8] = 78 + np.arange(frames)[:, None, None] % 100
    counts[:, -6:-1] = 255
    return counts


def write_radar(folder):
    """Write the six kinds of files, of small frames, into subfolders."""
    for name in ("knmi", "radar/events"):
        (folder / name).mkdir(parents=True)
    clock = np.datetime64("2021-01-01T20:05") + 5 * np.arange(36)
    for name, first in RADAR_FILES.items():
        days = np.datetime64(first, "D") + np.arange(4)
        days[days > np.datetime64("2021-01-10")] += 21 * (first < "2021-02")
        late = (days - np.datetime64("2021-01-01")).astype("m8[m]")
        pv = np.stack([radar_counts(36, 33, 28) for _ in days])
        np.savez(folder / name, pv=pv, times=clock + late[:, None])
    for name, day in (
        ("20160928", "2016-09-28T14"),
        ("20170509", "2017-05-09T10"),
    ):
        times = np.datetime64(day, "m") + 45 + 5 * np.arange(40)
        np.savez(
            folder / f"radar/events/fmi_{name}",
            counts=radar_counts(40, 40, 24),
            time_utc=np.array([rain_name(time) for time in times]),
        )
    rate = np.full((92, 50, 48), np.nan, "float16")
    rate[:, 4:40, 6:36] = np.arange(92)[:, None, None] * 0.12
    rate[:, 10:12, 10:14] = np.nan
    times = np.datetime64("2010-08-26T00:00") + 5 * np.arange(92)
    np.savez(folder / "radar/knmi_20100826", rate=rate, times=times)


SEVIR_HEADER = (
    "id,file_name,file_index,img_type,time_utc,minute_offsets,pct_missing"
)
SEVIR_EVENTS = (  # id, file, index, kind, time, missing
    ("S1", "2018/SEVIR_VIL_A.h5", 1, "vil", "2018-06-01 12:00:00", 0.0),
    ("S1", "2018/SEVIR_IR.h5", 0, "ir069", "2018-06-01 12:00:00", 0.0),
    ("S2", "2018/SEVIR_VIL_A.h5", 0, "vil", "2019-01-01 00:00:00", 0.0),
    ("S3", "2019/SEVIR_VIL_B.h5", 0, "vil", "2019-03-01 12:00:00", 0.0),
    ("S4", "2019/SEVIR_VIL_B.h5", 1, "vil", "2019-07-01 12:00:00", 0.0),
    ("S5", "2019/SEVIR_VIL_B.h5", 2, "vil", "2019-07-02 12:00:00", 0.5),
    ("S6", "2019/SEVIR_VIL_B.h5", 0, "vil", "2019-07-03 12:00:00", 0.0),
    ("S6", "2019/SEVIR_VIL_B.h5", 1, "vil", "2019-07-04 12:00:00", 0.0),
    ("S7", "2019/SEVIR_VIL_B.h5", 2, "vil", "2019-08-01 12:00:00", 0.0),
)


def write_sevir(folder):
    """Write events that show 64 × index + frame at the pixel (0, 1)."""
    lines = [SEVIR_HEADER]
    for name, file, index, kind, time, missing in SEVIR_EVENTS:
        place = ("vil/" if kind == "vil" else "ir069/") + file
        lines.append(f"{name},{place},{index},{kind},{time},-5:0:5,{missing}")
    (folder / "CATALOG.csv").write_text("\n".join(lines) + "\n")
    for file, count in (("2018/SEVIR_VIL_A", 2), ("2019/SEVIR_VIL_B", 3)):
        path = folder / f"data/vil/{file}.h5"
        path.parent.mkdir(parents=True)
        with h5py.File(path, "w") as written:
            shape = (count, 384, 384, 49)
            options = {"chunks": (1, 384, 384, 1), "dtype": "uint8"}
            vil = written.create_dataset("vil", shape, **options)
            for index in range(count):
                vil[index, 0, 1] = 64 * index + np.arange(49)
            written["id"] = np.array([b"S"] * count)


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
