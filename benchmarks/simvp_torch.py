"""SimVP as plain PyTorch modules, from and to `(batch, time, channel, h, w)`.

`options` has `frames`, `filters`, `translator_filters`, `layers`, `blocks`.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def conv(p, q, k=1, groups=1, dilation=1, stride=1):
    """Return a convolution from p to q channels that keeps the size."""
    padding = dilation * (k - 1) // 2
    return nn.Conv2d(p, q, k, stride, padding, dilation, groups)


def spatial(p, width, mode):
    """Return a layer of the encoder or the decoder."""
    up = mode == "up"
    first = conv(p, width * (4 if up else 1), 3, stride=1 + (mode == "down"))
    shuffle = [nn.PixelShuffle(2)] if up else []
    return nn.Sequential(first, *shuffle, nn.GroupNorm(2, width), nn.SiLU())


class Gated(nn.Module):
    """A block of SimVP v2."""

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
    """A block of SimVP v1."""

    def __init__(self, p, q, inside):
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
    """The translator of SimVP v1."""

    def __init__(self, wide, inside, count):
        super().__init__()
        ins = [wide, *[inside] * (count - 1)]
        self.enc = nn.ModuleList(Inception(p, inside, inside) for p in ins)
        pairs = [(2 * inside, inside)] * (count - 2) + [(2 * inside, wide)]
        pairs = [(inside, inside), *pairs]
        self.dec = nn.ModuleList(Inception(*pair, inside) for pair in pairs)

    def forward(self, x):
        skips = [x := block(x) for block in self.enc]
        x = self.dec[0](skips.pop())
        for block in self.dec[1:]:
            x = block(torch.cat([x, skips.pop()], 1))
        return x


class Model(nn.Module):
    """SimVP: encoder, translator, decoder."""

    def __init__(self, name, options):
        super().__init__()
        width, inside = options.filters, options.translator_filters
        wide, half = options.frames * width, options.layers // 2
        ins = [1, *[width] * (options.layers - 1)]
        self.enc = nn.ModuleList(
            spatial(p, width, mode)
            for p, mode in zip(ins, ["keep", "down"] * half, strict=True)
        )
        self.dec = nn.ModuleList(
            spatial(width, width, mode) for mode in ["up", "keep"] * half
        )
        self.readout = conv(width, 1)
        ins = [wide, *[inside] * (options.blocks - 1)]
        gated = map(Gated, ins, [*ins[1:], wide])
        if name == "simvp":
            self.hid = Unet(wide, inside, options.blocks)
        else:
            self.hid = nn.Sequential(*gated)

    def forward(self, clip):
        batch, time, _, *size = clip.shape
        x = skip = self.enc[0](clip.reshape(batch * time, 1, *size))
        for layer in self.enc[1:]:
            x = layer(x)
        shape = x.shape
        x = self.hid(x.reshape(batch, -1, *shape[2:])).reshape(shape)
        for layer in self.dec[:-1]:
            x = layer(x)
        return self.readout(self.dec[-1](x + skip)).reshape(clip.shape)


def training_step(name, options):
    """Return a training step and the number of parameters."""
    model = Model(name, options)
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
