"""A run in pieces."""

import hashlib
import json

import pytest

from msrnn_keras.training import pack_run, unpack_run
from tests.runs import contents

pytestmark = pytest.mark.backend_free


@pytest.fixture
def run(tmp_path, uncut):
    """The files of a run, and what is not packed with it."""
    run = tmp_path / "run"
    run.mkdir()
    for name, data in contents(uncut).items():
        (run / name).write_bytes(data)
    (run / f"tmp-{'0' * 32}-checkpoint.keras").write_bytes(b"half")
    (run / "tensorboard" / "train").mkdir(parents=True)
    (run / "tensorboard" / "train" / "events").write_bytes(b"events" * 500)
    (run / "empty").write_bytes(b"")
    return run


@pytest.fixture
def pack(tmp_path, run):
    pack_run(run, tmp_path / "pack", piece=1000)
    return tmp_path / "pack"


def pieces(pack):
    return sorted(pack.glob("piece-*"))


def test_pieces_make_the_run_again(tmp_path, run, pack):
    listing = json.loads((pack / "run.json").read_text())["files"]
    data = (run / "checkpoint.keras").read_bytes()
    assert len(listing["checkpoint.keras"]) == -(-len(data) // 1000)
    for path in pieces(pack):
        piece = path.read_bytes()
        assert len(piece) <= 1000
        assert path.name == f"piece-{hashlib.sha256(piece).hexdigest()}"
    (tmp_path / "other").mkdir()
    other = unpack_run(pack, tmp_path / "other" / "run")
    found = {
        path.relative_to(other).as_posix(): path.read_bytes()
        for path in other.rglob("*")
        if path.is_file()
    }
    kept = (
        "best.weights.h5",
        "checkpoint.keras",
        "empty",
        "environment.json",
        "history.csv",
        "recipe.toml",
        "tensorboard/train/events",
    )
    assert found == {name: (run / name).read_bytes() for name in kept}
    assert {path.name for path in (tmp_path / "other").iterdir()} == {"run"}


def test_pieces_are_small_enough_by_default(tmp_path, run):
    (run / "best.weights.h5").write_bytes(bytes(33 * 2**20))
    pack_run(run, tmp_path / "pack")
    listing = json.loads((tmp_path / "pack" / "run.json").read_text())
    assert len(listing["files"]["best.weights.h5"]) == 3
    sizes = [path.stat().st_size for path in pieces(tmp_path / "pack")]
    assert max(sizes) == 15 * 2**20 < 16 * 10**6


def test_a_newer_pack_takes_the_place_of_an_older_one(tmp_path, run, pack):
    (run / "history.csv").write_text("epoch,val_mse\n")
    before = set(pieces(pack))
    pack_run(run, pack, piece=1000)
    assert not before <= set(pieces(pack))
    unpack_run(pack, tmp_path / "other")
    history = (tmp_path / "other" / "history.csv").read_text()
    assert history == "epoch,val_mse\n"


def test_the_good_checkpoint_is_packed(tmp_path, run):
    (run / "checkpoint.keras").write_bytes(b"half")
    with pytest.warns(UserWarning, match="damaged"):
        pack_run(run, tmp_path / "pack")
    other = unpack_run(tmp_path / "pack", tmp_path / "other")
    good = (run / "previous.keras").read_bytes()
    assert (other / "checkpoint.keras").read_bytes() == good


def test_a_missing_piece_is_refused(tmp_path, pack):
    pieces(pack)[3].unlink()
    with pytest.raises(FileNotFoundError, match="missing. Received: .*piece-"):
        unpack_run(pack, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x"])
def test_a_damaged_piece_is_refused(tmp_path, pack, damage):
    path = pieces(pack)[3]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged. Received: .*piece-"):
        unpack_run(pack, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_damaged_piece_is_written_again(tmp_path, run, pack):
    pieces(pack)[3].write_bytes(b"x")
    pack_run(run, pack, piece=1000)
    unpack_run(pack, tmp_path / "other")


PIECE = f"piece-{'0' * 64}"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"files": {"../letter.txt": []}}',
        '{"files": {"/letter.txt": []}}',
        '{"files": {"a": ["letter.txt"]}}',
        f'{{"files": {{"a": ["{PIECE[:-1]}/"]}}}}',
    ],
)
def test_a_damaged_listing_is_refused(tmp_path, pack, text):
    (pack / "run.json").write_text(text)
    with pytest.raises(ValueError, match="listing is damaged.*Received: "):
        unpack_run(pack, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_folders_of_something_else_are_refused(tmp_path, run, pack):
    with pytest.raises(FileExistsError, match="nothing yet. Received: "):
        unpack_run(pack, run)
    with pytest.raises(FileNotFoundError, match="no run there. Received: "):
        pack_run(tmp_path, tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="no run.json.*Received: "):
        unpack_run(run, tmp_path / "other")
    with pytest.raises(FileExistsError, match="no pack.*Received: "):
        pack_run(run, tmp_path)
    with pytest.raises(ValueError, match="Received: piece=0"):
        pack_run(run, tmp_path / "other", piece=0)
    assert not (tmp_path / "other").exists()
