import sys

import pytest

from msrnn_keras.utils import progress
from msrnn_keras.utils.progress import Progress, note

pytestmark = pytest.mark.backend_free


def show(capsys, **options):
    with Progress("scoring mine", 1200, "clips", **options) as line:
        for count in (1, 2, 1200):
            line.update(count)
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_a_line_on_a_terminal_that_is_erased(capsys, monkeypatch):
    assert show(capsys) == ""
    note("hidden")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert show(capsys, shown=False) == ""
    note("shown")
    assert capsys.readouterr().err == "shown\n"
    monkeypatch.setattr(progress, "REFRESH", 0)
    printed = show(capsys)
    assert "\033" not in printed
    *parts, erased, end = printed.split("\r")[1:]
    assert [part.rstrip() for part in parts] == [
        f"scoring mine: {count}/1,200 clips" for count in ("1", "2", "1,200")
    ]
    assert {len(part) for part in (*parts, erased)} == {progress.WIDTH}
    assert not erased.strip() and not end
    monkeypatch.setattr(progress, "REFRESH", 1000)
    assert show(capsys).count("scoring") == 1
