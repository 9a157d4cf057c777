import shutil
import types

import numpy as np
import pytest

from msrnn_keras.data import KTH
from msrnn_keras.data.datasets import kth_files
from msrnn_keras.utils import downloads

pytestmark = pytest.mark.backend_free

pytest.importorskip("av")


def endless(url, seconds):
    """A response without a length that does not end."""
    response = types.SimpleNamespace(headers={}, close=lambda: None)
    response.read1 = bytes
    return response


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "datasets" / "kth"


def archive(kth, folder, action):
    files = folder / action
    files.mkdir()
    for video in kth.rglob(f"*_{action}_*.avi"):
        shutil.copy(video, files)
    shutil.make_archive(str(files), "zip", files)


@pytest.fixture
def server(kth, tmp_path, monkeypatch):
    """A folder that stands for the address of the data set."""
    folder = tmp_path / "server"
    folder.mkdir()
    for action in ("walking", "boxing"):
        archive(kth, folder, action)
    shutil.copy(kth / "00sequences.txt", folder)
    monkeypatch.setattr(kth_files, "ADDRESS", folder.as_uri() + "/")
    return folder


def test_downloaded_and_unpacked_once(server, home, kth, cache):
    actions = ("walking", "boxing")
    source = KTH("train", size=32, actions=actions)
    assert (home / "walking" / "person01_walking_d1_uncomp.avi").is_file()
    expected = KTH("train", kth, size=32, actions=actions, cache=cache)
    np.testing.assert_array_equal(source.read(0, 9), expected.read(0, 9))
    shutil.rmtree(server)
    (home / "walking.zip").unlink()
    arrays = len(list(home.rglob("*.npy")))
    again = KTH("train", size=32, actions=actions)
    np.testing.assert_array_equal(again.read(0, 9), source.read(0, 9))
    assert len(list(home.rglob("*.npy"))) == arrays == 2


def test_a_failing_download_says_what_goes_where(server, home):
    with pytest.raises(FileNotFoundError, match="running.zip cannot") as caught:
        KTH("train", actions=("walking", "running"))
    message = str(caught.value)
    assert "AVI files walking, running" in message
    assert message.endswith(f"no running.zip in {str(home)!r}")


def test_a_damaged_archive(server, home):
    whole = (server / "walking.zip").read_bytes()
    (server / "walking.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match="delete it .*Received: .*walking.zip"):
        KTH("train", actions=("walking",))
    assert not (home / "walking").exists()
    assert sorted(p.name for p in home.iterdir()) == [
        "00sequences.txt",
        "walking.zip",
    ]


def test_keras_home_is_where_keras_looks(server, home):
    home.mkdir(parents=True)
    listing = home / "00sequences.txt"
    shutil.move(server / "00sequences.txt", listing)
    before = listing.read_bytes()
    KTH("train", actions=("walking",))
    assert listing.read_bytes() == before


def test_an_endless_archive_is_not_kept(server, home, monkeypatch):
    monkeypatch.setattr(downloads, "LARGEST", 100)
    monkeypatch.setattr(downloads, "_open", endless)
    with pytest.raises(FileNotFoundError, match="longer than the 100 bytes"):
        KTH("train", actions=("walking",))
    assert list(home.iterdir()) == []
