import subprocess
import sys

import pytest

import msrnn_keras
from msrnn_keras.cli.main import build_parser, main

pytestmark = pytest.mark.backend_free


def test_every_command_and_argument_has_a_help_text(capsys):
    (commands,) = build_parser()._subparsers._group_actions
    names = (
        "app convert demo evaluate export finetune info list predict profile "
    )
    names += "summary train tune"
    assert sorted(commands.choices) == names.split()
    choices = {x.dest: x.help for x in commands._choices_actions}
    assert all(choices.values())
    for name, parser in commands.choices.items():
        for action in parser._actions:
            where = f"msrnn {name} {action.dest}: {action.help}"
            assert len(action.help.split()) > 2, where
            assert not action.help.startswith(("of ", "such as")), where
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        printed = capsys.readouterr().out
        assert f"usage: msrnn {name}" in printed
        about = choices[name]
        assert f"{about[0].upper()}{about[1:]}." in " ".join(printed.split())


def test_no_command_is_an_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("required: command; see msrnn --help")


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


@pytest.mark.parametrize("argument", ["list", "--version"])
def test_a_quick_answer_imports_no_backend(argument):
    command = [sys.executable, "-X", "importtime", "-m", "msrnn_keras.cli"]
    done = subprocess.run(
        [*command, argument], capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    imported = {line.split("|")[-1].strip() for line in lines}
    assert "argparse" in imported
    assert not imported & {"keras", "numpy", "torch", "tensorflow", "jax"}
    if argument == "list":
        assert done.stdout.split()[:2] == ["preset", "revision"]
