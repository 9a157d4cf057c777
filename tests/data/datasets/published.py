"""Small data sets in the published formats, the time written into pixels."""

import h5py
import numpy as np

TAXI_SLOTS = {
    "BJ13": ("2013-07-01", 300),
    "BJ14": ("2014-03-01", 200),
    "BJ15": ("2015-03-01", 100),
    "BJ16": ("2015-11-01", 2900),
}
# Slots of BJ16 that are not there: in training, validation and test.
TAXI_GAPS = (50, 700, 701, 2400)
RAIN_FRAMES = {
    "201412312300": 12,
    "201501010000": 30,  # goes on after the frames before
    "201512312320": 8,
    "201601010000": 30,
    "201712312300": 12,
    "201801010000": 5,  # after all splits
}
RAIN_GAPS = ("201501010105", "201601010100")


def taxi_number(times):
    """Half hours since 2013, which the in-flow shows."""
    since = np.asarray(times, "datetime64[m]") - np.datetime64("2013-01-01")
    return since.astype("int64") // 30


def taxi_dates(times):
    days = times.astype("datetime64[D]")
    slots = (times - days).astype("int64") // 30 + 1
    pairs = zip(np.datetime_as_string(days), slots, strict=True)
    dates = [f"{day.replace('-', '')}{slot:02d}" for day, slot in pairs]
    return np.array(dates, "S10")


def write_taxibj(folder):
    """The four files; returns their times, in order."""
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
    times = [
        np.datetime64(f"{k[:4]}-{k[4:6]}-{k[6:8]}T{k[8:10]}:{k[10:]}", "m")
        + 5 * np.arange(count)
        for k, count in RAIN_FRAMES.items()
    ]
    return np.concatenate(times)


def rain_name(time):
    return "".join(c for c in str(time) if c.isdigit())


def rain_number(times):
    """A number from 1 to 97 that goes up by one each five minutes."""
    minutes = np.asarray(times, "datetime64[m]").astype("int64")
    return minutes // 5 % 97 + 1


def write_germany(path):
    """RYDL with gaps and missing values; returns the times written."""
    written = []
    with h5py.File(path, "w") as file:
        for time in rain_times():
            name = rain_name(time)
            if name in RAIN_GAPS:
                continue
            frame = np.full((900, 900), rain_number(time) / 100, "float32")
            frame[:194] = frame[706:] = 50.0  # outside
            frame[194:198, 194:197] = np.nan  # 12 of 16 pixels of a block
            frame[194:198, 198:200] = -9999.0  # 8 of 16
            frame[198:202, 194:198] = np.nan  # a whole block
            frame[202:206, 194:196] = 3.0  # half of it another value
            frame[300, 300] = 0.0
            file.create_dataset(name, data=frame, compression="lzf")
            written.append(time)
    return np.array(written)


def write_video(path, frames, codec="ffv1", pixels="gray"):
    """An AVI of uint8 frames `(time, height, width)`, 25 a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = pixels
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="gray")
            container.mux(stream.encode(picture.reformat(format=pixels)))
        container.mux(stream.encode())


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
    """Left half: the person; right half: the frame's number, from 1."""
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
        write_video(place / f"{name}_uncomp.avi", frames)


def written_times(clips, number):
    """The number in each frame of each clip, `(clips, frames)`."""
    return np.stack(
        [
            number(clips.source.read(s, s + clips.context + clips.horizon))
            for s in clips.starts.tolist()
        ]
    )
