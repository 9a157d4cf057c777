"""Make a release: `python -m tools.release 0.3.0`.

The changelog must begin with the section of the version. The command sets the
version, builds and checks the files in `dist/`, commits and tags. It pushes and
uploads nothing; it prints the commands that do.
"""

import argparse
import datetime
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
# File: pattern of its line, and that line with the version and the date.
LINES = {
    "msrnn_keras/__init__.py": (r"__version__ = .*", '__version__ = "{0}"'),
    "CITATION.cff": (
        r"(?<!-)version: .*\n(date-released: .*\n)?",
        "version: {0}\ndate-released: {1}\n",
    ),
}


def main(arguments=None, root=ROOT, run=subprocess.run):
    """Run the command and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.release")
    parser.add_argument("version", help="such as 0.3.0")
    version = parser.parse_args(arguments).version

    def call(*command):
        options = {"cwd": root, "check": True, "text": True}
        return run(command, stdout=subprocess.PIPE, **options).stdout

    try:
        check(root, version, call)
        set_version(root, version, datetime.date.today())
        shutil.rmtree(root / "dist", ignore_errors=True)
        call(sys.executable, "-m", "build")
        files = map(str, sorted((root / "dist").iterdir()))
        call(sys.executable, "-m", "twine", "check", "--strict", *files)
        call("git", "commit", "-am", f"Release {version}")
        call("git", "tag", "-a", f"v{version}", "-m", f"Release {version}")
    except (ValueError, subprocess.CalledProcessError) as error:
        print(f"tools.release: {error}", file=sys.stderr)
        return 2
    print(f"git push origin HEAD v{version}\npython -m twine upload dist/*")
    return 0


def check(root, version, call):
    """Refuse a version that cannot be released now."""
    if not VERSION.fullmatch(version):
        raise ValueError(f"A version is MAJOR.MINOR.PATCH. Received: {version}")
    if call("git", "status", "--porcelain").strip():
        raise ValueError("Commit or remove all changes first.")
    tags = call("git", "tag").split()
    known = [tag[1:] for tag in tags if VERSION.fullmatch(tag[1:])]
    newest = max(known, key=_numbers, default="0.0.0")
    if _numbers(version) <= _numbers(newest):
        raise ValueError(f"{newest} is released. Received: {version}")
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## (.*)$", text, re.MULTILINE)
    if first is None or first[1] != version:
        raise ValueError(
            f"CHANGELOG.md must begin with the section {version}. "
            f"Received: {first and first[1]}"
        )


def set_version(root, version, today):
    """Write the version and the date into the files that have them."""
    for name, (pattern, line) in LINES.items():
        path = root / name
        text = path.read_text(encoding="utf-8")
        new, count = re.subn(pattern, line.format(version, today), text)
        if count != 1:
            raise ValueError(f"{name} must name the version once.")
        path.write_text(new, encoding="utf-8")


def _numbers(version):
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    sys.exit(main())
