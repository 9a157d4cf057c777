"""Send signals to every command at random moments.

    python -m benchmarks.interrupts --signals 20 --commands train tune

Each command must end within `--most` seconds with status 130 (SIGINT) or 143
(SIGTERM) and one line on standard error, and leave no unfinished file. A
command that had ended by itself counts as finished. Prints a table.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SMALL = "ms-convlstm/mnist/small"
RECIPE = """\
model = "ms-convlstm"
dataset = "mnist"
variant = "tiny"
[architecture]
image_shape = [32, 32, 1]
context = 4
horizon = 4
filters = 4
patch_size = 4
[training]
batch_size = 4
epochs = 100
steps_per_epoch = 20
validation_clips = 8
"""

EXPORT = f"""
import sys, torch, zoo
from msrnn_keras import convert
arrays = convert.export_torch_checkpoint(zoo.load("{SMALL}"))
state = {{name: torch.tensor(a) for name, a in arrays.items()}}
torch.save(state, sys.argv[1])
"""
# The console script `msrnn`.
START = "import sys; from msrnn_command import main; sys.exit(main())"
NOISE = "WARNING: All log messages", "I0000"  # of TensorFlow


def commands(folder):
    """Return the arguments of each command; `OUT` is a new path."""
    folder.joinpath("tiny.toml").write_text(RECIPE)
    frames = np.random.default_rng(0).random((40, 64, 64), dtype="float32")
    np.save(folder / "frames.npy", frames)
    checkpoint = folder / "small.pth"
    subprocess.run([sys.executable, "-c", EXPORT, str(checkpoint)], check=True)
    torch = os.environ.get("KERAS_BACKEND") == "torch"
    form, suffix = ("torch", "pt2") if torch else ("onnx", "onnx")
    frames, recipe = f"{folder}/frames.npy", f"{folder}/tiny.toml"
    digits = f"{folder}/mnist.npz"
    tune = "tune mnist --size 32x32 --clips 8 --validation-clips 4 "
    tune += f"--method random --trials 50 --epochs 5 --out OUT --data {digits}"
    lines = {
        "demo": "demo --out OUT --clips 64",
        "list": "list",
        "info": f"info {SMALL}",
        "predict": f"predict {frames} --model {SMALL} --out OUT/a.npz",
        "follow": f"predict {folder} --model {SMALL} --out OUT --follow "
        "--interval 300",
        "train": f"train {recipe} --out OUT --data {digits}",
        "finetune": f"finetune {frames} --model {SMALL} --out OUT/tuned",
        "evaluate": f"evaluate {SMALL} --clips 200 --json OUT/a.json "
        f"--data {digits}",
        "tune": tune,
        "summary": "summary ms-convlstm",
        "profile": "profile ms-convlstm --size 32x32 --filters 8",
        "convert": f"convert {checkpoint} --model ms-convlstm --out OUT",
        "export": f"export {SMALL} --out OUT/model.{suffix} --format {form}",
        "app": "app --no-browser --port 0",
    }
    return {name: line.split() for name, line in lines.items()}


def is_whole(path):
    """Return whether a file is whole, as far as its type tells."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text())
        if path.suffix in (".keras", ".npz"):
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
        return not path.name.startswith("tmp-")
    except (ValueError, zipfile.BadZipFile):
        return False


def interrupt(arguments, number, seconds, most):
    """Run a command, send a signal, return what was wrong and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out")
        needs = {"demo", "export", "predict", "evaluate", "finetune"}
        if arguments[0] in needs and "--follow" not in arguments:
            out.mkdir()
        arguments = [x.replace("OUT", str(out)) for x in arguments]
        process = subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            start = time.monotonic()
            process.send_signal(number)  # nothing, if it has ended
            try:
                _, errors = process.communicate(timeout=6 * most)
            except subprocess.TimeoutExpired:
                return "no end", 6 * most
        finally:
            process.kill()
        passed = time.monotonic() - start
        broken = [p.name for p in out.rglob("*") if not is_whole(p)]
        return judge(process, number, errors, broken, passed > most), (passed)


def judge(process, number, errors, broken, late):
    """Return one word or line on how a command ended."""
    lines = [x for x in errors.splitlines() if not x.startswith(NOISE)]
    if broken:
        return f"half-written: {', '.join(broken)}"
    if process.returncode == 0:
        return "finished"
    if process.returncode == -number and not lines:
        return "right, before Python ran"
    if "Traceback" in errors and "msrnn_keras/" not in errors:
        return "right, while Python started"
    if process.returncode != STATUS.get(number):
        return f"status {process.returncode}: {lines[-1:]}"
    if len(lines) != 1:
        return f"{len(lines)} lines: {lines[:2]}"
    return "late" if late else "right"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signals", type=int, default=20)
    parser.add_argument("--commands", nargs="*")
    parser.add_argument("--longest", type=float, default=15.0)
    parser.add_argument("--most", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", required=True, help="an mnist.npz")
    options = parser.parse_args()
    # A shell starts background jobs with SIGINT ignored; children inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(options.data, folder / "mnist.npz")
        for name, arguments in commands(folder).items():
            if options.commands and name not in options.commands:
                continue
            start = time.monotonic()
            interrupt(arguments, signal.SIGKILL, options.longest, 60)
            whole = min(options.longest, time.monotonic() - start)
            counts, slowest = {}, 0.0
            for _ in range(options.signals):
                number = rng.choice(list(STATUS))
                seconds = rng.uniform(0.0, whole)
                word, passed = interrupt(
                    arguments, number, seconds, options.most
                )
                if word not in ("right", "finished"):
                    word = f"{number.name} after {seconds:.2f} s: {word}"
                counts[word] = counts.get(word, 0) + 1
                slowest = max(slowest, passed)
            print(f"{name}: {counts}, at most {slowest:.1f} s", flush=True)
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
