"""A plain PyTorch loop of the same convolutions, to measure ours against."""

import contextlib

import torch
from torch import nn
from torch.nn import functional

AUTOCAST = {
    "float32": None,
    "mixed_bfloat16": torch.bfloat16,
    "mixed_float16": torch.float16,
}


class TorchCell(nn.Module):
    """ConvLSTM with the four gates i, f, g, o of one convolution.

    Joined, the input and the hidden state are one map that one convolution
    reads; else each has its own, and the two are added.
    """

    def __init__(self, filters, kernel_size, joined):
        super().__init__()
        self.joined = joined
        given = 2 * filters if joined else filters
        self.gates = nn.Conv2d(given, 4 * filters, kernel_size, padding="same")
        if not joined:
            self.h_to_gates = nn.Conv2d(
                filters, 4 * filters, kernel_size, padding="same", bias=False
            )

    def forward(self, x, h, c):
        if self.joined:
            gates = self.gates(torch.cat([x, h], dim=1))
        else:
            gates = self.gates(x) + self.h_to_gates(h)
        i, f, g, o = gates.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class TorchLoop(nn.Module):
    """MS-ConvLSTM (or ConvLSTM) as a loop in Python over time and layers.

    Frames are `(batch, time, channels, height, width)`, height and width
    multiples of the scales. Maps are halved by max pooling and doubled by
    bilinear interpolation; where the scales differ, a layer of the decoder
    also takes the output of its mirror in the encoder.

    Args:
        filters: Integer, channels of every layer.
        scales: Tuple of integers, one for each layer.
        channels: Integer, channels of a frame.
        kernel_size: Integer, pixels.
        channels_last: Boolean, the memory layout of weights and maps.
        joined: Boolean, whether a layer reads its input and its hidden state
            in one convolution. On a CPU two, added, are faster.
    """

    def __init__(
        self,
        filters,
        scales,
        channels=1,
        kernel_size=3,
        channels_last=False,
        joined=False,
    ):
        super().__init__()
        self.filters, self.scales = filters, tuple(scales)
        self.layout = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        self.embed = nn.Conv2d(channels, filters, 1)
        self.cells = nn.ModuleList(
            TorchCell(filters, kernel_size, joined) for _ in scales
        )
        self.head = nn.Conv2d(filters, channels, 1)
        self.to(memory_format=self.layout)

    def forward(self, past, horizon):
        """All predictions, `(batch, context + horizon - 1, …)`."""
        context = past.shape[1]
        states = self.initial_states(past)
        predictions = []
        for time in range(context + horizon - 1):
            frame = past[:, time] if time < context else predictions[-1]
            frame = frame.contiguous(memory_format=self.layout)
            prediction, states = self.step(frame, states)
            predictions.append(prediction)
        return torch.stack(predictions, dim=1)

    def initial_states(self, past):
        batch, _, _, height, width = past.shape
        shapes = [
            (batch, self.filters, height // scale, width // scale)
            for scale in self.scales
        ]
        return [
            [
                torch.zeros(shape, device=past.device).contiguous(
                    memory_format=self.layout
                )
                for _ in ("h", "c")
            ]
            for shape in shapes
        ]

    def step(self, frame, states):
        x = self.embed(frame)
        x = resample(x, 1, self.scales[0])
        outputs, new_states = [], []
        for layer, cell in enumerate(self.cells):
            if layer:
                x = self.gather(outputs, layer)
            h, c = cell(x, *states[layer])
            outputs.append(h)
            new_states.append([h, c])
        x = resample(outputs[-1], self.scales[-1], 1)
        return self.head(x), new_states

    def gather(self, outputs, layer):
        """The layer before, and in the decoder the layer's mirror."""
        x = resample(
            outputs[layer - 1], self.scales[layer - 1], self.scales[layer]
        )
        mirror = len(self.scales) - 1 - layer
        if len(set(self.scales)) > 1 and mirror < layer - 1:
            x = x + outputs[mirror]  # of the same scale
        return x


def resample(x, source, target):
    if target > source:
        return functional.max_pool2d(x, target // source)
    if target < source:
        return functional.interpolate(
            x,
            scale_factor=source // target,
            mode="bilinear",
            align_corners=False,
        )
    return x


class TorchTrainer:
    """The training step and the forecast of a `TorchLoop`.

    Args:
        model: `TorchLoop`, already on its device.
        horizon: Integer, frames to forecast.
        precision: String, `"float32"`, `"mixed_bfloat16"` or
            `"mixed_float16"`.
    """

    def __init__(self, model, horizon, precision="float32"):
        self.model, self.horizon = model, horizon
        self.device = next(model.parameters()).device
        self.half = AUTOCAST[precision]
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.half is torch.float16
        )

    def train_step(self, clips):
        """One step on clips of context + horizon frames; the loss."""
        context = clips.shape[1] - self.horizon
        self.optimizer.zero_grad()
        with self.autocast():
            predictions = self.model(clips[:, :context], self.horizon)
        loss = l1_l2(clips[:, 1:], predictions.float())
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return float(loss.detach())

    @torch.no_grad()
    def forecast(self, past):
        """The next `horizon` frames, in NumPy."""
        with self.autocast():
            predictions = self.model(past, self.horizon)
        return predictions[:, past.shape[1] - 1 :].float().cpu().numpy()

    def autocast(self):
        if self.half is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.half)


def l1_l2(truth, predictions):
    """Squared and absolute errors, summed over the pixels of a frame."""
    error = truth - predictions
    return (error.square() + error.abs()).sum(dim=(2, 3, 4)).mean()
