import subprocess
import sys

import pytest

import msrnn_keras
from msrnn_keras.cli.main import build_parser, main

pytestmark = pytest.mark.backend_free


def test_every_command_and_argument_has_a_help_text(capsys):
    (commands,) = build_parser()._subparsers._group_actions
    names = "convert demo evaluate export finetune info list predict profile "
    names += "summary train tune"
    assert sorted(commands.choices) == names.split()
    assert all(choice.help for choice in commands._choices_actions)
    for name, parser in commands.choices.items():
        for action in parser._actions:
            assert action.help, f"msrnn {name} {action.dest}"
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        assert f"usage: msrnn {name}" in capsys.readouterr().out


def test_no_command_is_an_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "usage: msrnn" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"msrnn {msrnn_keras.__version__}\n"


def test_a_reader_that_has_enough_is_no_error():
    command = [sys.executable, "-m", "msrnn_keras.cli", "list"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    with process.stderr as stream:
        assert stream.read() == b""
    assert process.wait() == 141
