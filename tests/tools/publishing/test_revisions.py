import json
import shutil

import pytest

from msrnn_keras.presets.registry import MANIFEST, Library
from msrnn_keras.training.recipe import parse_recipe
from tests.runs import RECIPE, contents
from tests.tools.publishing.publishing import NAME, NAMES, write_run
from tools.publishing import manifest
from tools.publishing.manifest import newest_revision
from tools.publishing.publish import publish
from tools.publishing.revisions import (
    find_published,
    next_revision,
    refuse_worse,
    renew_card,
    renew_cards,
)
from tools.publishing.tables import LONG_STREAMS, RADAR_SCORES, read_results

PLAN = parse_recipe(RECIPE, "recipe.toml")


def listed(library):
    return json.loads(library.manifest.read_text())["presets"]


def is_current(library):
    return manifest.main(["--check"], library.root, library.manifest) == 0


def test_the_next_revision(library, write_stub):
    assert next_revision(PLAN, library) == {**NAMES, "revision": "1"}
    for revision in ("2", "9", "10"):
        write_stub(library.root, f"{NAME}/{revision}", 4.0)
    other = write_stub(library.root, f"{NAME}-big/44", 4.0)
    assert listed(library) == {}  # as if killed before it listed them
    assert next_revision(PLAN, library)["revision"] == "11"
    assert newest_revision(NAMES, library).revision == "10"
    assert len(listed(library)) == 4 and is_current(library)
    (other / "model.weights.h5").write_bytes(b"WEIGHTS")
    with pytest.raises(ValueError, match="never changes.*Received: "):
        next_revision(PLAN, library)
    shutil.rmtree(library.root)
    assert next_revision(PLAN, library)["revision"] == "11"


def test_leftovers_of_a_killed_call_are_removed(library, write_stub):
    write_stub(library.root, f"{NAME}/1", 4.0)
    folder = library.root / NAME
    left = folder / f".2.{'0a' * 16}"
    (left / "deep").mkdir(parents=True)
    other = library.root / f"{NAME}-big" / f".1.{'0a' * 16}"
    other.mkdir(parents=True)  # may belong to a running call
    (folder / ".2.notes").write_text("mine")
    manifest_left = library.manifest.with_name(f"tmp-{'0a' * 16}-manifest.json")
    manifest_left.write_text("{")
    next_revision(PLAN, library)
    assert {path.name for path in folder.iterdir()} == {".2.notes", "1"}
    assert other.exists() and not manifest_left.exists()


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


def test_only_the_newest_revision_must_be_reached(library, write_stub):
    worse, same = ({"forecast": {"mse": mse}} for mse in (4.1, 4.0))
    refuse_worse(worse, NAMES, library)
    write_stub(library.root, f"{NAME}/1", 1.0)
    write_stub(library.root, f"{NAME}/2", 4.0)
    write_stub(library.root, f"{NAME}-big/1", 1.0)
    manifest.update(library.root, library.manifest)
    refuse_worse(same, NAMES, library)
    with pytest.raises(ValueError, match="revision 2 of .*Received: MSE 4.1"):
        refuse_worse(worse, NAMES, library)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("renewal")
    plain = RECIPE.replace("ms-convlstm", "convlstm")
    multi = write_run(folder / "multi", RECIPE, 0)
    return [multi, write_run(folder / "plain", plain, 1)]


@pytest.fixture
def multi(scorer, runs, library):
    return publish(runs[0], "none", library=library)


def read_card(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def test_the_committed_cards_are_current(tmp_path):
    project = Library()
    copy = Library(tmp_path / "presets", tmp_path / "manifest.json")
    shutil.copytree(project.root, copy.root)
    for name in (MANIFEST.name, LONG_STREAMS, RADAR_SCORES):
        shutil.copy(MANIFEST.with_name(name), tmp_path)
    assert renew_cards(copy) == []


def test_the_counterpart_is_compared_later(scorer, runs, library, multi):
    before = contents(multi)
    assert "`convlstm/mnist/tiny`, is not published" in read_card(multi)
    scorer.mse = lambda model, dataset: 0.5
    plain = publish(runs[1], "none", library=library)
    sentence = "model does not beat its plain counterpart, `convlstm, revision"
    assert sentence in read_card(multi)
    assert "The plain model beats its multi-scale" in read_card(plain)
    after = contents(multi)
    assert set(after) == set(before)
    changed = [name for name in after if after[name] != before[name]]
    assert changed == ["README.md"]
    assert is_current(library)


def test_a_renewed_card_equals_the_published_one(library, multi):
    before = contents(multi)
    assert renew_cards(library) == []
    (multi / "README.md").write_text("Another.")
    assert renew_cards(library) == [NAME]
    assert contents(multi) == before and is_current(library)
    # Results of long streams are added.
    before = read_card(multi)
    results = read_results(MANIFEST.with_name(LONG_STREAMS))
    path = library.manifest.with_name(LONG_STREAMS)
    results = results["predrnn/mnist/small/1"] | {"finite_float16_100": False}
    path.write_text(json.dumps({f"{NAME}/1": results}))
    assert renew_card(library, NAMES) is True
    assert renew_card(library, NAMES) is False
    old, new = before.splitlines(), read_card(multi).splitlines()
    assert "## Long forecasts" in set(new) - set(old)
    assert "| forecast of 500 frames, float32 | finite |" in new
    assert "| forecast of 100 frames, mixed_float16 | not finite |" in new
    assert f"    {results['command']}" in new
    assert set(old) <= set(new)
