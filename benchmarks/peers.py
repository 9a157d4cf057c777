"""A plain PyTorch loop over the same convolutions, as a reference."""

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
    """ConvLSTM whose gates i, f, g, o are the sum of two convolutions."""

    def __init__(self, filters, kernel_size):
        super().__init__()
        sizes = (filters, 4 * filters, kernel_size)
        self.gates = nn.Conv2d(*sizes, padding="same")
        self.h_to_gates = nn.Conv2d(*sizes, padding="same", bias=False)

    def forward(self, x, h, c):
        i, f, g, o = (self.gates(x) + self.h_to_gates(h)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class TorchLoop(nn.Module):
    """MS-ConvLSTM (or ConvLSTM) as a Python loop over time and layers.

    Frames are `(batch, time, channels, height, width)`; the scales divide
    height and width. Maps are max-pooled down and upsampled bilinearly. In a
    multi-scale stack a decoder layer also reads its mirror in the encoder.
    """

    def __init__(
        self, filters, scales, channels=1, kernel_size=3, channels_last=False
    ):
        super().__init__()
        self.filters, self.scales = filters, tuple(scales)
        self.layout = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        self.embed = nn.Conv2d(channels, filters, 1)
        self.cells = nn.ModuleList(
            TorchCell(filters, kernel_size) for _ in scales
        )
        self.head = nn.Conv2d(filters, channels, 1)
        self.to(memory_format=self.layout)

    def forward(self, past, horizon):
        """Return all predictions, `(batch, context + horizon - 1, …)`."""
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
        states = []
        for scale in self.scales:
            shape = (batch, self.filters, height // scale, width // scale)
            zeros = torch.zeros(shape, device=past.device)
            zeros = zeros.contiguous(memory_format=self.layout)
            states.append([zeros, zeros])
        return states

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
        """Add the previous layer's output and, in the decoder, the mirror's."""
        x = resample(
            outputs[layer - 1], self.scales[layer - 1], self.scales[layer]
        )
        mirror = len(self.scales) - 1 - layer
        if len(set(self.scales)) > 1 and mirror < layer - 1:
            x = x + outputs[mirror]  # has the same scale
        return x


def resample(x, source, target):
    if target > source:
        return functional.max_pool2d(x, target // source)
    if target < source:
        options = {"mode": "bilinear", "align_corners": False}
        return functional.interpolate(x, None, source // target, **options)
    return x


class TorchTrainer:
    """The training step and the forecast of a `TorchLoop` on its device."""

    def __init__(self, model, horizon, precision="float32"):
        self.model, self.horizon = model, horizon
        self.device = next(model.parameters()).device
        self.half = AUTOCAST[precision]
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.half is torch.float16
        )

    def train_step(self, clips):
        """Train on clips of context + horizon frames; return the loss."""
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
        """Return the next `horizon` frames as a NumPy array."""
        with self.autocast():
            predictions = self.model(past, self.horizon)
        return predictions[:, past.shape[1] - 1 :].float().cpu().numpy()

    def autocast(self):
        if self.half is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.half)


def l1_l2(truth, predictions):
    """Return squared plus absolute errors, summed over a frame's pixels."""
    error = truth - predictions
    return (error.square() + error.abs()).sum(dim=(2, 3, 4)).mean()
