import errno

import pytest

from msrnn_keras.utils.files import (
    check_folder,
    check_not_input,
    naming,
    remove_unfinished,
    reserve,
    write_atomically,
    write_folder_atomically,
)
from tests.disk import full
from tests.runs import contents

pytestmark = pytest.mark.backend_free


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    seen = []
    keep = {"tmp-notes.txt": b"mine", "tmp-of-mine-a.txt": b"mine"}
    for name in keep:
        (tmp_path / name).write_text("mine")

    def write(path):
        seen.append(path)
        path.write_text("new")
        if len(seen) == 2:
            raise KeyboardInterrupt("disk full")

    write_atomically(tmp_path / "a.weights.h5", write)
    keep["a.weights.h5"] = b"new"
    assert contents(tmp_path) == keep
    assert seen[0].name.endswith("-a.weights.h5") and seen[0].name[0] == "t"
    with pytest.raises(KeyboardInterrupt, match="disk full"):
        write_atomically(tmp_path / "a.weights.h5", write)
    assert contents(tmp_path) == keep
    seen[0].write_text("of a killed process")
    remove_unfinished(tmp_path)
    assert contents(tmp_path) == keep


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    def write(path, text="new", error=None):
        path.mkdir()
        (path / "a.txt").write_text(text)
        if error:
            raise error

    write_folder_atomically(tmp_path / "a", write)
    (tmp_path / "a" / "old.txt").touch()
    with pytest.raises(KeyboardInterrupt):
        write_folder_atomically(
            tmp_path / "a", lambda path: write(path, "b", KeyboardInterrupt)
        )
    assert contents(tmp_path / "a") == {"a.txt": b"new", "old.txt": b""}
    write_folder_atomically(tmp_path / "a", lambda path: write(path, "b"))
    assert contents(tmp_path / "a") == {"a.txt": b"b"}
    assert [x.name for x in tmp_path.iterdir()] == ["a"]
    check_not_input(tmp_path / "b", tmp_path / "a")
    with pytest.raises(ValueError, match="Received: .*, the same file"):
        check_not_input(tmp_path / "a", tmp_path / "a")


def test_a_missing_folder_or_an_input_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*nowhere"):
        check_folder(tmp_path / "nowhere" / "a.npz")
    check_folder(tmp_path / "a.npz")
    given = tmp_path / "a.npy"
    given.touch()
    (tmp_path / "link.npy").symlink_to(given)
    (tmp_path / "hard.npy").hardlink_to(given)
    (tmp_path / "dangling.npy").symlink_to(tmp_path / "none.npy")
    for path in (given, tmp_path / "link.npy", tmp_path / "hard.npy"):
        for source in (given, tmp_path, str(tmp_path / "?.npy")):
            with pytest.raises(ValueError, match=f"Received: .*{path.name}"):
                check_not_input(path, source)
    for path in (tmp_path / "new.npy", tmp_path / "dangling.npy"):
        for source in (given, tmp_path, tmp_path / "*.npy", tmp_path / "no"):
            check_not_input(path, source)
    (tmp_path / "folder").mkdir()
    check_not_input(given, tmp_path / "folder")


def test_a_full_or_read_only_disk_is_named(tmp_path):
    (tmp_path / "a").write_text("old")

    def fail(path):
        path.write_text("half")
        raise OSError(number, "no")

    for number, message in (
        (errno.ENOSPC, "is full.*Free space"),
        (errno.EDQUOT, "is full.*Free space"),
        (errno.EROFS, "cannot be written; choose another"),
        (errno.EIO, "no$"),
    ):
        with pytest.raises(OSError, match=message) as caught:
            write_atomically(tmp_path / "a", fail)
        known = number != errno.EIO
        assert (f"{tmp_path} " in str(caught.value)) == known
        assert contents(tmp_path) == {"a": b"old"}
    reserve(tmp_path / "room", 3000)
    with full(2000), pytest.raises(OSError, match="is full.*Received: "):
        reserve(tmp_path / "room", 3000)
    assert contents(tmp_path) == {"a": b"old"}


def test_errors_of_what_a_file_says_name_it(tmp_path):
    path = tmp_path / "config.json"
    for error, text in (
        (ValueError("Bad. Received: 3"), f"Bad. Received: 3 in {path}"),
        (KeyError("a"), rf"KeyError\('a'\) Received: {path}"),
        (OSError(f"Bad. Received: {path}"), f"^Bad. Received: {path}$"),
    ):
        with pytest.raises((ValueError, OSError), match=text), naming(path):
            raise error
    with pytest.raises(ImportError, match="^pip install"), naming(path):
        raise ImportError("pip install a")
