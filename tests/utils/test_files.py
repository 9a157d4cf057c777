import pytest

from msrnn_keras.utils.files import (
    check_folder,
    check_not_input,
    remove_unfinished,
    write_atomically,
)
from tests.runs import contents

pytestmark = pytest.mark.backend_free


def test_a_file_is_written_under_its_own_ending(tmp_path):
    seen = []

    def write(path):
        seen.append(path)
        path.write_text("new")

    write_atomically(tmp_path / "a.weights.h5", write)
    assert contents(tmp_path) == {"a.weights.h5": b"new"}
    assert len(seen) == 1 and seen[0].name != "a.weights.h5"
    assert seen[0].name.endswith("a.weights.h5")
    assert seen[0].parent == tmp_path


def test_a_failing_writer_leaves_the_old_file_alone(tmp_path):
    (tmp_path / "a.txt").write_text("old")

    def write(path):
        path.write_text("ne")
        raise KeyboardInterrupt("disk full")

    with pytest.raises(KeyboardInterrupt, match="disk full"):
        write_atomically(tmp_path / "a.txt", write)
    assert contents(tmp_path) == {"a.txt": b"old"}


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    keep = ("a.txt", "tmp-notes.txt", "tmp-of-mine-a.txt")
    for name in keep:
        (tmp_path / name).write_text("mine")
    used = []
    write_atomically(
        tmp_path / "a.txt", lambda path: used.append(path) or path.touch()
    )
    used[0].write_text("half of a fi")
    remove_unfinished(tmp_path)
    assert set(contents(tmp_path)) == set(keep)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*nowhere"):
        check_folder(tmp_path / "nowhere" / "a.npz")
    check_folder(tmp_path / "a.npz")


def test_a_file_that_is_read_is_refused(tmp_path):
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
