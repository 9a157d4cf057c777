"""A training step of SimVP beside a plain PyTorch model of the same layers.

`python -m benchmarks.simvp` measures `simvp-v2` and `simvp` at the published
Moving MNIST size, float32, on Keras' backend and as a PyTorch module that is
written out here. Each figure comes from its own process, in turn: the median
time of a step with Adam and a mean squared error, and the peak of the
process's memory above that after the imports. Linux only.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

MEBIBYTE = 2**20
MODELS = ("simvp-v2", "simvp")


def torch_model(name, options):
    """Return a PyTorch module from and to `(batch, time, channel, h, w)`."""
    import torch
    from torch import nn
    from torch.nn import functional

    frames, width = options.frames, options.filters
    inside, count = options.translator_filters, options.blocks
    wide = frames * width

    def conv(p, q, k=1, groups=1, dilation=1, stride=1):
        padding = dilation * (k - 1) // 2
        return nn.Conv2d(p, q, k, stride, padding, dilation, groups)

    def spatial(p, mode):
        up = mode == "up"
        first = conv(
            p, width * (4 if up else 1), 3, stride=1 + (mode == "down")
        )
        shuffle = [nn.PixelShuffle(2)] if up else []
        return nn.Sequential(first, *shuffle, nn.GroupNorm(2, width), nn.SiLU())

    class Gated(nn.Module):
        def __init__(self, d, out):
            super().__init__()
            self.norms = nn.ModuleList(nn.BatchNorm2d(d) for _ in range(2))
            self.scales = nn.Parameter(torch.full((2, 1, d, 1, 1), 0.01))
            self.first = nn.Sequential(conv(d, d), nn.GELU())
            large = conv(d, d, 5, d), conv(d, d, 7, d, 3)
            self.gates = nn.Sequential(*large, conv(d, 2 * d))
            self.last = conv(d, d)
            r = 8 * d
            mlp = conv(d, r), conv(r, r, 3, r), nn.GELU(), conv(r, d)
            self.mlp = nn.Sequential(*mlp)
            self.reduction = conv(d, out) if d != out else nn.Identity()

        def forward(self, x):
            u = self.norms[0](x)
            f, g = self.gates(self.first(u)).chunk(2, 1)
            x = x + self.scales[0] * (u + self.last(g.sigmoid() * f))
            x = x + self.scales[1] * self.mlp(self.norms[1](x))
            return self.reduction(x)

    class Inception(nn.Module):
        def __init__(self, p, q):
            super().__init__()
            m = inside // 2
            self.first = conv(p, m)
            g = 8 if m % 8 == 0 else 1
            self.branches = nn.ModuleList(
                nn.Sequential(
                    conv(m, q, k, g), nn.GroupNorm(g, q), nn.LeakyReLU(0.2)
                )
                for k in (3, 5, 7, 11)
            )

        def forward(self, x):
            x = self.first(x)
            return sum(branch(x) for branch in self.branches)

    class Unet(nn.Module):
        def __init__(self):
            super().__init__()
            ins = [wide, *[inside] * (count - 1)]
            self.enc = nn.ModuleList(Inception(p, inside) for p in ins)
            pairs = [(2 * inside, inside)] * (count - 2) + [(2 * inside, wide)]
            pairs = [(inside, inside), *pairs]
            self.dec = nn.ModuleList(Inception(*pair) for pair in pairs)

        def forward(self, x):
            skips = [x := block(x) for block in self.enc]
            x = self.dec[0](skips.pop())
            for block in self.dec[1:]:
                x = block(torch.cat([x, skips.pop()], 1))
            return x

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            modes = ["keep", "down"] * (options.layers // 2)
            ins = [1, *[width] * (options.layers - 1)]
            self.enc = nn.ModuleList(map(spatial, ins, modes))
            modes = ["up", "keep"] * (options.layers // 2)
            self.dec = nn.ModuleList(spatial(width, mode) for mode in modes)
            self.readout = conv(width, 1)
            ins = [wide, *[inside] * (count - 1)]
            outs = [*ins[1:], wide]
            gated = map(Gated, ins, outs)
            self.hid = Unet() if name == "simvp" else nn.Sequential(*gated)

        def forward(self, clip):
            batch, time, _, *size = clip.shape
            x = skip = self.enc[0](clip.reshape(batch * time, 1, *size))
            for layer in self.enc[1:]:
                x = layer(x)
            small = x.shape[-2:]
            x = self.hid(x.reshape(batch, wide, *small))
            x = x.reshape(batch * time, width, *small)
            for layer in self.dec[:-1]:
                x = layer(x)
            return self.readout(self.dec[-1](x + skip)).reshape(clip.shape)

    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step(past, future):
        past, future = (
            torch.from_numpy(np.moveaxis(x, -1, 2)) for x in (past, future)
        )
        optimizer.zero_grad()
        loss = functional.mse_loss(model(past), future)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step, sum(p.numel() for p in model.parameters())


def keras_model(name, options):
    """Return a training step of our model and its number of parameters."""
    import msrnn_keras

    model = msrnn_keras.create(
        name,
        image_shape=(options.size, options.size, 1),
        context=options.frames,
        horizon=options.frames,
        filters=options.filters,
        translator_filters=options.translator_filters,
        spatial_layers=options.layers,
        translator_blocks=options.blocks,
    )
    for block in model.layers:
        for part in ("drop_path1", "drop_path2"):
            if hasattr(block, part):
                getattr(block, part).rate = 0.0
    model.compile("adam", loss="mse")
    count = sum(np.prod(w.shape) for w in model.trainable_variables)
    return model.train_on_batch, int(count)


def measure(options):
    """Return median seconds, peak MiB and parameters of this process."""
    plain = options.kind == "plain"
    make = torch_model if plain else keras_model
    step, parameters = make(options.model, options)
    side = options.size
    shape = (options.batch, options.frames, side, side, 1)
    rng = np.random.default_rng(0)
    past, future = rng.random((2, *shape), dtype="float32")
    before, seconds = resident(), []
    for _ in range(options.steps + 1):
        start = time.perf_counter()
        step(past, future)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": statistics.median(seconds[1:]),
        "MiB": (peak - before) / MEBIBYTE,
        "parameters": parameters,
    }


def resident():
    """Return the resident bytes of this process."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def in_fresh_process(model, kind):
    """Return `measure` of a new process."""
    command = [sys.executable, "-m", "benchmarks.simvp", *sys.argv[1:]]
    command += ["--model", model, "--kind", kind]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simvp")
    sizes = {"batch": 4, "size": 64, "frames": 10, "filters": 64}
    sizes |= {"translator-filters": 512, "layers": 4, "blocks": 8}
    sizes |= {"steps": 3, "repeats": 3}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.model:
        print(json.dumps(measure(options)))
        return
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    print(f"| model | {backend}, s | PyTorch, s | ratio | MiB | PyTorch, MiB |")
    print("|---|---|---|---|---|---|")
    for model in MODELS:
        runs = {"ours": [], "plain": []}
        for _ in range(options.repeats):
            for kind, results in runs.items():
                results.append(in_fresh_process(model, kind))
        pairs = zip(*runs.values(), strict=True)
        ratios = sorted(a["seconds"] / b["seconds"] for a, b in pairs)
        ours, plain = (
            {
                k: statistics.median(r[k] for r in runs[kind])
                for k in runs[kind][0]
            }
            for kind in runs
        )
        if ours["parameters"] != plain["parameters"]:
            raise RuntimeError(f"The models differ. Received: {runs}")
        ratio = statistics.median(ratios)
        texts = [f"{ours['seconds']:.2f}", f"{plain['seconds']:.2f}"]
        texts.append(f"{ratio:.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})")
        texts += [f"{ours['MiB']:.0f}", f"{plain['MiB']:.0f}"]
        print(f"| `{model}` | {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
