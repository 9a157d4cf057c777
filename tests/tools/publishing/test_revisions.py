"""Revisions: which is next, what is cleaned up, what is listed, refused."""

import json
import shutil

import pytest

from msrnn_keras.training.recipe import load_recipe
from tests.runs import RECIPE
from tests.tools.publishing.publishing import NAME
from tools.publishing import manifest
from tools.publishing.revisions import (
    find_published,
    newest_revision,
    next_revision,
    refuse_worse,
)

pytestmark = pytest.mark.backend_free
NAMES = {"model": "ms-convlstm", "dataset": "mnist", "variant": "tiny"}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return load_recipe(path)


def listed(library):
    return json.loads(library.manifest.read_text())["presets"]


def test_the_first_revision(library, recipe):
    assert next_revision(recipe, library) == {**NAMES, "revision": "1"}


def test_revisions_are_numbers(library, recipe, write_stub):
    for revision in ("2", "9", "10"):
        write_stub(library.root, f"{NAME}/{revision}", 4.0)
    write_stub(library.root, f"{NAME}-big/44", 4.0)
    assert next_revision(recipe, library)["revision"] == "11"
    assert newest_revision(NAMES, library).revision == "10"


def test_revisions_that_are_only_listed_count(library, recipe, write_stub):
    write_stub(library.root, f"{NAME}/3", 4.0)
    manifest.update(library.root, library.manifest)
    shutil.rmtree(library.root)
    assert next_revision(recipe, library)["revision"] == "4"


def test_what_was_written_and_not_listed_is_listed(library, recipe, write_stub):
    write_stub(library.root, f"{NAME}/1", 4.0)
    assert listed(library) == {}
    assert next_revision(recipe, library)["revision"] == "2"
    assert list(listed(library)) == [f"{NAME}/1"]
    assert manifest.main(["--check"], library.root, library.manifest) == 0


def test_what_a_killed_call_left_is_removed(library, recipe, write_stub):
    write_stub(library.root, f"{NAME}/1", 4.0)
    folder = library.root / NAME
    left = folder / f".2.{'0a' * 16}"
    (left / "deep").mkdir(parents=True)
    other = library.root / f"{NAME}-big" / f".1.{'0a' * 16}"
    other.mkdir(parents=True)  # may be of a call that is at work
    (folder / ".2.notes").write_text("mine")
    manifest_left = library.manifest.with_name(f"tmp-{'0a' * 16}-manifest.json")
    manifest_left.write_text("{")
    next_revision(recipe, library)
    names = sorted(path.name for path in folder.iterdir())
    assert names == [".2.notes", "1"]
    assert other.exists() and not manifest_left.exists()


def test_a_preset_that_changed_is_refused(library, recipe, write_stub):
    folder = write_stub(library.root, f"{NAME}/1", 4.0)
    manifest.update(library.root, library.manifest)
    (folder / "model.weights.h5").write_bytes(b"WEIGHTS")
    with pytest.raises(ValueError, match="never changes.*Received: "):
        next_revision(recipe, library)


def test_a_published_run_is_found_again(library, write_stub):
    folder = write_stub(library.root, f"{NAME}/1", 4.0)
    path = folder / "metadata.json"
    run = {"weights_sha256": "abc", "epochs": 3}
    metadata = {**json.loads(path.read_text()), "run": run}
    path.write_text(json.dumps(metadata))
    manifest.update(library.root, library.manifest)
    assert find_published(run, NAMES, library) == folder
    assert find_published({**run, "epochs": 4}, NAMES, library) is None
    write_stub(library.root, f"{NAME}/2", 4.0)
    manifest.update(library.root, library.manifest)
    assert find_published(run, NAMES, library) is None
    shutil.rmtree(library.root)
    assert find_published(run, NAMES, library) is None


@pytest.mark.parametrize(("mse", "refused"), [(3.9, 0), (4.0, 0), (4.1, 1)])
def test_only_the_newest_revision_must_be_reached(
    library, write_stub, mse, refused
):
    scores = {"forecast": {"mse": mse}}
    refuse_worse(scores, NAMES, library)
    write_stub(library.root, f"{NAME}/1", 1.0)
    write_stub(library.root, f"{NAME}/2", 4.0)
    write_stub(library.root, f"{NAME}-big/1", 1.0)
    manifest.update(library.root, library.manifest)
    if refused:
        with pytest.raises(ValueError, match="Revision 2 of .*Received: MSE 4"):
            refuse_worse(scores, NAMES, library)
    else:
        refuse_worse(scores, NAMES, library)
