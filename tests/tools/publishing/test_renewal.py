"""The card of a preset once its counterpart is published."""

import json

import pytest

from msrnn_keras.presets.library import MANIFEST
from tests.runs import RECIPE, contents
from tests.tools.publishing.publishing import NAME, write_run
from tools.publishing import manifest
from tools.publishing.long_streams import FILE, read_figures
from tools.publishing.publish import publish
from tools.publishing.renewal import renew_card, renew_counterpart

pytestmark = pytest.mark.backend_free
PLAIN = RECIPE.replace("ms-convlstm", "convlstm")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A multi-scale run and a plain one."""
    folder = tmp_path_factory.mktemp("renewal")
    return [
        write_run(folder / "multi", RECIPE, 0),
        write_run(folder / "plain", PLAIN, 1),
    ]


def read_card(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def test_it_compares_with_what_came_later(scorer, runs, library):
    multi = publish(runs[0], "none", library=library)
    before = contents(multi)
    assert "there was no plain counterpart" in read_card(multi)
    scorer.mse = lambda model, dataset: 0.5
    plain = publish(runs[1], "none", library=library)
    sentence = "model does not beat its plain counterpart, `convlstm, revision"
    assert sentence in read_card(multi)
    assert "The plain model beats its multi-scale" in read_card(plain)
    after = contents(multi)
    assert set(after) == set(before)
    changed = [name for name in after if after[name] != before[name]]
    assert changed == ["README.md"]
    assert manifest.main(["--check"], library.root, library.manifest) == 0


def test_nothing_else_in_it_changes(scorer, runs, library):
    """Made of the files, it is as `publish` made it."""
    multi = publish(runs[0], "none", library=library)
    before = contents(multi)
    names = {"model": "convlstm", "dataset": "mnist", "variant": "tiny"}
    assert renew_counterpart(library, names) is False
    (multi / "README.md").write_text("Another.")
    assert renew_counterpart(library, names) is True
    assert contents(multi) == before


def test_figures_of_long_streams_come_to_the_card(scorer, runs, library):
    multi = publish(runs[0], "none", library=library)
    before = read_card(multi)
    assert "## Long forecasts" not in before
    figures = read_figures(MANIFEST.with_name(FILE))["predrnn/mnist/small/1"]
    path = library.manifest.with_name(FILE)
    path.write_text(json.dumps({f"{NAME}/1": figures}))
    names = {"model": "ms-convlstm", "dataset": "mnist", "variant": "tiny"}
    assert renew_card(library, names) is True
    assert renew_card(library, names) is False
    lines = set(read_card(multi).splitlines()) - set(before.splitlines())
    mse = f"{figures['mse_900_1000']:.1f}"
    row = f"| MSE, frames 900 to 1,000 of the stream | {mse} |"
    assert {"## Long forecasts", row} <= lines
    assert set(before.splitlines()) <= set(read_card(multi).splitlines())
    manifest.update(library.root, library.manifest)
    assert manifest.main(["--check"], library.root, library.manifest) == 0


def test_a_call_that_was_cut_is_made_up_for(scorer, runs, library, monkeypatch):
    multi = publish(runs[0], "none", library=library)

    def cut(library, names):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tools.publishing.publish.renew_counterpart", cut)
        with pytest.raises(KeyboardInterrupt):
            publish(runs[1], "none", library=library)
    assert "there was no plain counterpart" in read_card(multi)
    publish(runs[1], "none", library=library)
    assert "its plain counterpart, `convlstm" in read_card(multi)
    assert manifest.main(["--check"], library.root, library.manifest) == 0


def test_only_the_newest_revision_that_is_here(scorer, runs, library, tmp_path):
    first = publish(runs[0], "none", library=library)
    other = write_run(tmp_path / "other", RECIPE, 2)
    second = publish(other, "none", library=library)
    publish(runs[1], "none", library=library)
    assert "there was no plain counterpart" in read_card(first)
    assert "its plain counterpart, `convlstm" in read_card(second)
    assert [first, second] == [library.root / NAME / n for n in "12"]
