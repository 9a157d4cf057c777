"""The files of KTH: where they are, and how to get them."""

import functools
import pathlib
import shutil
import tempfile
import zipfile

from msrnn_keras.data.datasets.cache import data_home
from msrnn_keras.utils.downloads import download as fetch
from msrnn_keras.utils.files import write_atomically

ADDRESS = "http://www.csc.kth.se/cvap/actions/"
LISTING = "00sequences.txt"


def download(actions):
    """Download and unpack the videos of some actions, once.

    Args:
        actions: Tuple of strings, the actions.

    Returns:
        `pathlib.Path` of the folder with `00sequences.txt` and a folder for
        each action: `datasets/kth` in the Keras home.

    Raises:
        FileNotFoundError: If a download fails; says what goes where.
        OSError: If an archive is damaged.

    Example:
    >>> download(("walking", "running"))  # 00sequences.txt, walking.zip, …
    """
    folder = data_home("kth")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LISTING, *(f"{action}.zip" for action in actions)):
        path, url = folder / name, ADDRESS + name
        if path.is_file() or path.with_suffix("").is_dir():
            continue
        try:
            write_atomically(path, functools.partial(fetch, url))
        except OSError as error:
            raise FileNotFoundError(
                f"{ADDRESS}{name} cannot be downloaded ({error}). Put "
                f"{LISTING} and the folders of AVI files {', '.join(actions)} "
                "into a folder and give it as `path`. "
                f"Received: path=None, no {name} in {str(folder)!r}"
            ) from error
    for action in actions:
        _unpack(folder / f"{action}.zip")
    return folder


def _unpack(archive):
    """Unpack an archive into a folder beside it, whole or not at all."""
    folder = archive.with_suffix("")
    if folder.is_dir():
        return
    temporary = pathlib.Path(tempfile.mkdtemp(dir=archive.parent))
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(temporary)
        temporary.rename(folder)
    except zipfile.BadZipFile as error:
        raise OSError(
            f"The archive is damaged ({error}); delete it to download it "
            f"again. Received: {str(archive)!r}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def find_video(folder, name):
    """The file of a video, in a folder or in that of its action.

    Args:
        folder: `pathlib.Path`.
        name: String such as `person01_boxing_d1`.

    Returns:
        `pathlib.Path` of the AVI file.

    Raises:
        FileNotFoundError: If there is none.

    Example:
    >>> find_video(folder, "person01_boxing_d1")
    """
    file = f"{name}_uncomp.avi"
    for place in (folder, folder / name.split("_")[1]):
        if (place / file).is_file():
            return place / file
    raise FileNotFoundError(
        f"{LISTING} names a video that is missing: {file} must be in the "
        f"folder or in a folder {name.split('_')[1]} within. "
        f"Received: {str(folder)!r}"
    )
