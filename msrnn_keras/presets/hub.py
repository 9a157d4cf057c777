"""Presets in repositories of the Hugging Face Hub; needs the extra `hub`."""

import hashlib
import json
import numbers
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msrnn_keras.presets import registry
from msrnn_keras.presets.configuration import check_config, check_files
from msrnn_keras.presets.download import PresetFileError, describe
from msrnn_keras.presets.registry import CONFIG, METADATA, WEIGHTS, read_json
from msrnn_keras.utils.extras import require
from msrnn_keras.utils.typing import PathLike

PREFIX, CARD = "hf://", registry.CARD
FILES = (CONFIG, METADATA, WEIGHTS, CARD)
# Revisions and names become paths in the cache, so none may leave it.
PART = r"\w(?:[\w+-]|\.(?!\.))*"
REPOSITORY = re.compile(f"{PART}/{PART}", re.ASCII)
REVISION = re.compile(f"{PART}(?:/{PART})*", re.ASCII)
SHA256, GIT_SHA1 = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{40}")
DATASETS = {"mnist": "ylecun/mnist"}  # names on the Hub
# Test scores of a card: key in metadata and name on the Hub.
SCORES = {
    "mse": "MSE of a frame",
    "mae": "MAE of a frame",
    "ssim": "SSIM",
    "psnr": "PSNR",
    "crps": "CRPS of a frame",
}


def pull(
    repo: str,
    revision: str | int | None = None,
    cache_dir: PathLike | None = None,
) -> Path:
    """Fetch a preset from the Hub, unless it is whole in the cache.

    Args:
        repo: String, `"USER/NAME"`.
        revision: String or integer, branch, tag or commit; None: the newest.
        cache_dir: Folder of fetched repositories; None: `huggingface_hub`'s.

    Returns:
        `pathlib.Path` of the folder, for `zoo.load`.

    Raises:
        ImportError: If the extra `hub` is missing.
        PresetFileError: If the repository cannot be fetched or is damaged.
        ValueError: If `repo` or `revision` is no valid name.

    Example:
        >>> model = zoo.load(hub.pull("user/my-preset"))
    """
    _check_name(repo)
    revision = _check_revision(revision)
    for options in ({}, {"force_download": True}):
        folder = _fetch(repo, revision, cache_dir, **options)
        damaged = [path.name for path in folder.iterdir() if _is_damaged(path)]
        if not damaged:
            return folder
    raise PresetFileError(
        f"{PREFIX}{repo} was fetched twice, and differs from its hashes. "
        f"Received: damaged {', '.join(sorted(damaged))} in {folder}"
    )


def pull_address(
    address: str,
    revision: str | int | None = None,
    cache_dir: PathLike | None = None,
) -> Path:
    """Fetch the preset of hf://USER/NAME[@REVISION]; return its folder."""
    repo, stated = parse(address)
    if stated and revision is not None:
        raise ValueError(
            "Give the revision once, in the address or as `revision`. "
            f"Received: {address!r}, revision={revision!r}"
        )
    return pull(repo, stated or revision, cache_dir)


def push(folder: PathLike, repo: str, private: bool = False) -> str:
    """Upload a preset to a repository of the Hub, new or not, in one commit.

    Args:
        folder: Path of a preset's folder.
        repo: String, `"USER/NAME"`.
        private: Boolean, whether a new repository is private.

    Returns:
        String, the address that `zoo.load` takes.

    Raises:
        ImportError: If the extra `hub` is missing.
        PresetFileError: If the folder lacks a file.
        ValueError: If the folder is not of a preset, or `repo` is no name.

    Example:
        >>> hub.push("zoo/presets/ms-convlstm/mnist/small/1", "user/digits")
        'hf://user/digits'
    """
    _check_name(repo)
    folder = Path(folder)
    check_files(folder, FILES)
    check_config(read_json(folder / CONFIG))
    header = front_matter(read_json(folder / METADATA))
    client = require("huggingface_hub", "hub")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary, "preset")
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".*"))
        card = (copy / CARD).read_text(encoding="utf-8")
        if not card.startswith("---\n"):
            (copy / CARD).write_bytes((header + card).encode("utf-8"))
        client.create_repo(repo_id=repo, private=private, exist_ok=True)
        message = {"commit_message": "Upload with msrnn-keras"}
        client.upload_folder(repo_id=repo, folder_path=str(copy), **message)
    return f"{PREFIX}{repo}"


def parse(address: str) -> tuple[str, str | None]:
    """Split hf://USER/NAME[@REVISION] into the repository and the revision."""
    repo, at, revision = address.removeprefix(PREFIX).partition("@")
    if not address.startswith(PREFIX) or (at and not revision):
        raise ValueError(
            f"An address on the Hub must be {PREFIX}USER/NAME[@REVISION]. "
            f"Received: {address!r}"
        )
    _check_name(repo)
    return repo, _check_revision(revision or None)


def front_matter(metadata: Mapping[str, Any]) -> str:
    """Return the header of a card on the Hub: YAML between lines of dashes."""
    keys = ("model", "dataset", "license")
    missing = [key for key in keys if not isinstance(metadata.get(key), str)]
    if missing:
        raise ValueError(
            f"{METADATA} must say {', '.join(keys)}, each a string. "
            f"Received: nothing of {', '.join(missing)}"
        )
    model, dataset, terms = (metadata[key] for key in keys)
    free = re.match(r"(Weights: )?Apache-2\.0\b", terms)
    entries = {
        "license": "apache-2.0" if free else "other",
        **({} if free else {"license_name": terms}),
        "library_name": "keras",
        "tags": ["msrnn-keras", "keras", "video-prediction", model, dataset],
        "datasets": [DATASETS.get(dataset, dataset)],
        **_model_index(metadata, model, dataset),
    }
    # JSON is valid YAML and quotes whatever needs quotes.
    lines = [f"{key}: {json.dumps(entry)}" for key, entry in entries.items()]
    return "\n".join(["---", *lines, "---", "", ""])


def _fetch(repo, revision, cache_dir, **options):
    client = require("huggingface_hub", "hub")
    try:
        folder = client.snapshot_download(
            repo_id=repo,
            revision=revision,
            cache_dir=cache_dir,
            allow_patterns=list(FILES),
            **options,
        )
    except Exception as error:  # of several libraries, such as httpx
        reason = " ".join(str(error).split())
        raise PresetFileError(
            f"{PREFIX}{repo} could not be fetched: check name, revision and "
            "network; a private one needs `hf auth login`. "
            f"Received: {type(error).__name__}: {reason}"
        ) from None
    return Path(folder)


def _is_damaged(path):
    """Return whether a cached file differs from the hash that is its name."""
    # Without symbolic links (Windows), the names are no hashes.
    content = path.resolve()
    if not path.is_symlink() or not content.is_file():
        return False
    if SHA256.fullmatch(content.name):
        return describe(content)["sha256"] != content.name
    data = content.read_bytes()
    digest = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return bool(GIT_SHA1.fullmatch(content.name)) and digest != content.name


def _check_name(repo):
    if not (isinstance(repo, str) and REPOSITORY.fullmatch(repo)):
        raise ValueError(
            f"A repository on the Hub is named USER/NAME. Received: {repo!r}"
        )


def _check_revision(revision):
    """Return a revision as a string, or None; refuse what is none."""
    if revision is None:
        return None
    if isinstance(revision, numbers.Integral) and revision is not True:
        revision = str(int(revision))
    if not (isinstance(revision, str) and REVISION.fullmatch(revision)):
        raise ValueError(
            "A revision on the Hub must be a branch, tag or commit: letters, "
            "digits and _ . + - /, without two dots in a row. "
            f"Received: revision={revision!r}"
        )
    return revision


def _model_index(metadata, model, dataset):
    """Return the test scores as the Hub lists results; empty without scores."""
    scores = metadata.get("scores", {}).get("test", {}).get("forecast", {})
    results = [
        {"type": key, "name": SCORES[key], "value": scores[key]}
        for key in SCORES
        if scores.get(key) is not None
    ]
    if not results:
        return {}
    of = {"name": dataset, "type": DATASETS.get(dataset, dataset)}
    task = {"type": "video-prediction", "name": "Video prediction"}
    row = {"task": task, "dataset": {**of, "split": "test"}, "metrics": results}
    return {"model-index": [{"name": model, "results": [row]}]}
