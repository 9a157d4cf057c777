"""A run in pieces, to carry it from one machine to another."""

import hashlib
import json
import pathlib
import shutil
import uuid

from msrnn_keras.training import checkpoints
from msrnn_keras.training.checkpoints import CHECKPOINT, PREVIOUS
from msrnn_keras.training.folder import (
    LOCK,
    RECIPE,
    is_empty_directory,
    lock_run,
)
from msrnn_keras.utils.files import remove_unfinished, write_atomically

LISTING = "run.json"
PIECE = 15 * 2**20  # bytes


def pack_run(run_dir, folder, piece=PIECE):
    """Write a run as pieces of limited size.

    A piece is named by its SHA-256; `run.json` lists which pieces make up
    which file. It is written last, and pieces of an older pack in the folder
    are removed after that, so that the folder always holds one whole pack.
    Only the newest checkpoint that is whole is packed.

    Args:
        run_dir: Path of the run's directory.
        folder: Path of the folder for the pieces; made if missing. It may
            hold an older pack.
        piece: Integer, the most bytes of a piece.

    Returns:
        `pathlib.Path` of the listing.

    Raises:
        FileNotFoundError: If there is no run.
        FileExistsError: If the folder holds something else.
        OSError: If all checkpoints of the run are damaged.
        RuntimeError: If another process trains or publishes the run.
        ValueError: If `piece` is not a positive integer.

    Example:
    >>> pack_run("runs/small", "carried")
    >>> unpack_run("carried", "runs/small")  # on the other machine
    """
    run_dir, folder = pathlib.Path(run_dir), pathlib.Path(folder)
    if isinstance(piece, bool) or not isinstance(piece, int) or piece < 1:
        raise ValueError(
            f"`piece` must be a positive integer. Received: piece={piece!r}"
        )
    if not (run_dir / RECIPE).is_file():
        raise FileNotFoundError(
            f"There is no run there. Received: {str(run_dir)!r}"
        )
    listing = folder / LISTING
    if folder.exists() and not (listing.exists() or _is_ours(folder)):
        raise FileExistsError(
            "The folder is not empty and holds no pack; choose another one. "
            f"Received: {str(folder)!r}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    with lock_run(run_dir):
        files = {
            name: _write_pieces(path, folder, piece)
            for name, path in _files(run_dir).items()
        }
    text = json.dumps({"files": files}, indent=1)
    write_atomically(listing, lambda path: path.write_text(text))
    needed = {name for pieces in files.values() for name in pieces}
    for path in folder.glob(f"piece-{'[0-9a-f]' * 64}"):
        if path.name not in needed:
            path.unlink()
    return listing


def unpack_run(folder, run_dir):
    """Put a run together again from its pieces.

    All pieces are checked before anything is written, and the directory
    appears whole or not at all.

    Args:
        folder: Path of the folder with the pieces.
        run_dir: Path of the run's directory, which must not exist, or be
            empty.

    Returns:
        `pathlib.Path` of the directory.

    Raises:
        FileNotFoundError: If the listing or a piece is missing.
        FileExistsError: If the directory holds something.
        RuntimeError: If another process begins a run there.
        ValueError: If the listing or a piece is damaged.
    """
    folder, run_dir = pathlib.Path(folder), pathlib.Path(run_dir)
    files = _read_listing(folder)
    if run_dir.exists() and not is_empty_directory(run_dir):
        raise FileExistsError(
            "A run is unpacked where there is nothing yet. "
            f"Received: {str(run_dir)!r}"
        )
    for name in sorted({name for pieces in files.values() for name in pieces}):
        _check_piece(folder / name)
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    beside = run_dir.with_name(f"tmp-{uuid.uuid4().hex}-{run_dir.name}")
    try:
        for name, pieces in files.items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for piece in pieces:
                    file.write((folder / piece).read_bytes())
        if run_dir.exists():
            with lock_run(run_dir):
                (run_dir / LOCK).unlink()
                run_dir.rmdir()
        beside.rename(run_dir)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return run_dir


def _is_ours(folder):
    """Whether a folder holds nothing, or what a killed `pack_run` left."""
    return all(p.name.startswith(("piece-", "tmp-")) for p in folder.iterdir())


def _files(run_dir):
    """The files to pack, by name; the good checkpoint under its usual one."""
    files = {
        path.relative_to(run_dir).as_posix(): path
        for path in sorted(run_dir.rglob("*"))
        if path.is_file() and not path.name.startswith("tmp-")
    }
    for name in (CHECKPOINT, PREVIOUS, LOCK):
        files.pop(name, None)
    checkpoint = checkpoints.find(run_dir)
    if checkpoint is not None:
        files[CHECKPOINT] = checkpoint
    return files


def _write_pieces(path, folder, size):
    """Write a file's pieces that are not there yet; returns their names."""
    names = []
    with path.open("rb") as file:
        while piece := file.read(size):
            name = _name(piece)
            target = folder / name
            if not target.exists() or _name(target.read_bytes()) != name:
                write_atomically(target, _writer(piece))
            names.append(name)
    return names


def _writer(piece):
    return lambda path: path.write_bytes(piece)


def _name(piece):
    return f"piece-{hashlib.sha256(piece).hexdigest()}"


def _read_listing(folder):
    """The pieces of each file."""
    path = folder / LISTING
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {LISTING} of `pack_run`. Received: {str(folder)!r}"
        )
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        for name, pieces in files.items():
            parts = pathlib.PurePosixPath(name).parts
            if name.startswith("/") or ".." in parts or "\\" in name:
                raise ValueError(f"{name} is outside of the run")
            for piece in pieces:
                if len(piece) != 70 or not piece.startswith("piece-"):
                    raise ValueError(f"{piece} is no piece")
                int(piece[6:], 16)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"The listing is damaged ({error}). Received: {str(path)!r}"
        ) from error
    return files


def _check_piece(path):
    if not path.is_file():
        raise FileNotFoundError(
            f"A piece of the run is missing. Received: {str(path)!r}"
        )
    if _name(path.read_bytes()) != path.name:
        raise ValueError(
            f"A piece of the run is damaged. Received: {str(path)!r}"
        )
