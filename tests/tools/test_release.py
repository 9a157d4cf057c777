import shutil
import subprocess

import pytest

import msrnn_keras
from tools import release

pytestmark = pytest.mark.backend_free


@pytest.fixture
def project(tmp_path):
    """A repository with the files that name a version, released as 0.2.0."""
    (tmp_path / "msrnn_keras").mkdir()
    for name in release.LINES:
        shutil.copy(release.ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## 0.10.0\n\n- New.\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "Somebody")
    git(tmp_path, "config", "user.email", "somebody@example.org")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Begin")
    git(tmp_path, "tag", "v0.2.0")
    return tmp_path


def git(folder, *arguments):
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()


def without_build(command, **options):
    """Build a file by hand; run all other commands."""
    if command[1:] == ("-m", "build"):
        dist = options["cwd"] / "dist"
        dist.mkdir()
        (dist / "made.whl").write_text("")
        command = ("true",)
    if "twine" in command:
        assert command[-1].endswith("made.whl")
        command = ("true",)
    return subprocess.run(command, **options)


def test_a_release_is_committed_and_tagged(project, capsys):
    (project / ".git/info/exclude").write_text("dist\n")
    assert release.main(["0.10.0"], project, without_build) == 0
    text = (project / "msrnn_keras/__init__.py").read_text()
    assert text.count('\n__version__ = "0.10.0"\n') == 1
    citation = (project / "CITATION.cff").read_text()
    assert "version: 0.10.0\ndate-released: 20" in citation
    assert "cff-version: 1.2.0" in citation
    assert git(project, "status", "--porcelain") == ""
    shown = git(project, "show", "--stat", "v0.10.0")
    assert "Release 0.10.0" in shown and "CITATION.cff" in shown
    assert "git push origin HEAD v0.10.0" in capsys.readouterr().out


def test_the_citation_has_the_version_of_the_package():
    citation = (release.ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {msrnn_keras.__version__}\n" in citation


def test_what_cannot_be_released(project, capsys):
    before = git(project, "rev-parse", "HEAD")
    for version, said in (
        ("1.0", "MAJOR.MINOR.PATCH"),
        ("0.2.0", "0.2.0 is released"),
        ("0.3.0", "must begin with the section 0.3.0. Received: 0.10.0"),
    ):
        assert release.main([version], project, without_build) == 2
        assert said in capsys.readouterr().err
    (project / "CITATION.cff").write_text("changed")
    assert release.main(["0.10.0"], project, without_build) == 2
    assert "Commit or remove all changes" in capsys.readouterr().err
    assert git(project, "rev-parse", "HEAD") == before
