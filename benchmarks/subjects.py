"""The models and reference implementations that are measured, by name.

`python -m benchmarks.subjects TASK` measures one in this process, for
`benchmarks.run`. The prefix `ms-` stands for the multi-scale stack.
"""

import os

import numpy as np

import msrnn_keras
from msrnn_keras.cost.estimate import forecast_flops
from msrnn_keras.cost.measure.measure import Work, random_clips, stack_work
from msrnn_keras.cost.measure.processes import answer
from msrnn_keras.models.architectures import ARCHITECTURES


def peer_of(name):
    """Return `(kind, our model)` of a peer's name, None for our models."""
    prefix = "ms-" if name.startswith("ms-") else ""
    kind = name.removeprefix("ms-")
    return (kind, f"{prefix}convlstm") if kind in PEERS else None


def flops(name, options):
    """Count the operations of a forecast; a peer counts as our model."""
    _, model = peer_of(name) or (None, name)
    return forecast_flops(msrnn_keras.create(model, **options))


def work(task):
    """Return the `Work` of a task."""
    peer = peer_of(task.name)
    if peer is None:
        return stack_work(task)
    kind, model = peer
    sizes = {"scales": ARCHITECTURES[model].options["scales"], **task.options}
    return PEERS[kind](task, sizes)


def torch_loop(task, sizes):
    """Return the work of the plain PyTorch loop, on all cores or the GPU."""
    import torch

    from benchmarks.peers import TorchLoop, TorchTrainer

    torch.set_num_threads(os.cpu_count())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clips = np.moveaxis(patched_clips(task, sizes), -1, 2)
    clips = torch.tensor(clips, device=device)
    model = TorchLoop(
        sizes["filters"],
        sizes["scales"],
        clips.shape[2],
        sizes["kernel_size"],
        sizes.get("channels_last", False),
    ).to(device)
    trainer = TorchTrainer(model, sizes["horizon"], sizes["dtype"])
    past = clips[:, : sizes["context"]]
    return Work(
        lambda: trainer.train_step(clips),
        lambda count: trainer.forecast(past[:count]),
    )


def any_keras_loop(task, sizes):
    """Return the work of the Keras loop over Keras' cell or our own."""
    from benchmarks.keras_peers import conv_lstm_2d_cell, keras_loop

    is_ours = task.name.endswith("keras-loop")
    make_cell = msrnn_keras.ConvLSTMCell if is_ours else conv_lstm_2d_cell
    clips = patched_clips(task, sizes)
    names = ("scales", "horizon", "filters", "kernel_size", "dtype")
    chosen = {name: sizes[name] for name in names}
    model = keras_loop(make_cell, clips.shape[2:], **chosen)
    past, truth = clips[:, : sizes["context"]], clips[:, 1:]
    return Work(
        lambda: float(model.train_on_batch(past, truth)),
        lambda count: model.predict_on_batch(past[:count]),
    )


def patched_clips(task, sizes):
    """Return clips whose patches of pixels are already channels."""
    height, width, channels = sizes["image_shape"]
    side = sizes["patch_size"]
    shape = (height // side, width // side, channels * side**2)
    return random_clips(task.batch, sizes["context"] + sizes["horizon"], shape)


PEERS = {
    "torch-loop": torch_loop,
    "convlstm2d": any_keras_loop,
    "keras-loop": any_keras_loop,
}


if __name__ == "__main__":
    answer(work)
