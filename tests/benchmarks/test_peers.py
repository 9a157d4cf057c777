"""The reference implementations compute what our models compute."""

import keras
import numpy as np
import pytest

import msrnn_keras
from benchmarks.keras_peers import conv_lstm_2d_cell, keras_loop
from tests.reference import clips, numpy, randomize

pytestmark = pytest.mark.backend_free

SHAPE = (8, 12, 2)
FILTERS, CONTEXT, HORIZON = 3, 2, 3


@pytest.fixture(params=[(1, 2, 2, 1), (1, 1)])
def model(request):
    """Return our model with random weights and biases."""
    sizes = {"image_shape": SHAPE, "context": CONTEXT, "horizon": HORIZON}
    sizes |= {"filters": FILTERS, "scales": request.param}
    return randomize(msrnn_keras.create("ms-convlstm", **sizes), 0.2)


@pytest.fixture
def frames():
    return clips(length=CONTEXT + HORIZON, size=SHAPE[:2], channels=SHAPE[2])


def parts(model):
    names = [f"layer_{index}" for index in range(len(model.scales))]
    embed, head, *cells = map(model.step.get_layer, ["embed", "head", *names])
    return embed, head, cells


def loss(model, frames):
    model.compile("sgd", loss=msrnn_keras.losses.FrameL1L2Loss())
    return model.train_on_batch(frames[:, :CONTEXT], frames[:, CONTEXT:])


def torch_loop(model, **options):
    torch = pytest.importorskip("torch")
    if keras.backend.backend() != "torch":
        pytest.skip("needs PyTorch")
    from benchmarks.peers import TorchLoop, TorchTrainer

    loop = TorchLoop(FILTERS, model.scales, SHAPE[2], **options)
    embed, head, cells = parts(model)
    with torch.no_grad():
        for ours, theirs in ((loop.embed, embed), (loop.head, head)):
            ours.weight.copy_(kernel(theirs))
            ours.bias.copy_(torch.tensor(numpy(theirs.bias)))
        for ours, theirs in zip(loop.cells, cells, strict=True):
            x, h = theirs.x_to_gates, theirs.h_to_gates
            ours.gates.bias.copy_(torch.tensor(numpy(x.bias) + numpy(h.bias)))
            ours.gates.weight.copy_(kernel(x))
            ours.h_to_gates.weight.copy_(kernel(h))
    return TorchTrainer(loop, HORIZON)


def kernel(layer):
    return layer.kernel.value.permute(3, 2, 0, 1)


def channels_first(frames):
    import torch

    return torch.tensor(np.moveaxis(frames, -1, 2))


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_torch_loop_is_our_model(model, frames, channels_last):
    trainer = torch_loop(model, channels_last=channels_last)
    past = frames[:, :CONTEXT]
    forecast = np.moveaxis(trainer.forecast(channels_first(past)), 2, -1)
    expected = model.predict(past, verbose=0)
    np.testing.assert_allclose(forecast, expected, atol=1e-5)
    first = trainer.train_step(channels_first(frames))
    assert first == pytest.approx(float(loss(model, frames)), rel=1e-5)
    second = trainer.train_step(channels_first(frames))
    assert second < first
    half = type(trainer)(trainer.model, HORIZON, "mixed_bfloat16")
    losses = [half.train_step(channels_first(frames)) for _ in range(3)]
    assert losses[0] == pytest.approx(second, rel=0.05)
    assert losses[-1] < losses[0]


def peer(make_cell, model, **options):
    sizes = (SHAPE, model.scales, HORIZON, FILTERS)
    return keras_loop(make_cell, *sizes, **options)


@pytest.mark.parametrize("cell", [conv_lstm_2d_cell, msrnn_keras.ConvLSTMCell])
def test_the_keras_loop_is_our_model(model, frames, cell):
    loop = peer(cell, model)
    embed, head, cells = parts(model)
    step = loop.loop.cell
    step.embed.set_weights(embed.get_weights())
    step.head.set_weights(head.get_weights())
    for theirs, ours in zip(step.cells, cells, strict=True):
        weights = ours.get_weights()
        if cell is conv_lstm_2d_cell:
            x, x_bias, h, h_bias = weights
            weights = [x, h, x_bias + h_bias]
        theirs.set_weights(weights)
    past = frames[:, :CONTEXT]
    predictions = loop.predict_on_batch(past)
    expected = model.predict_all(past)
    np.testing.assert_allclose(predictions, expected, rtol=1e-4, atol=1e-5)
    ours = float(loss(model, frames))
    theirs = float(loop.train_on_batch(past, frames[:, 1:]))
    assert theirs == pytest.approx(ours, rel=1e-5)
    policy = keras.config.dtype_policy()
    half = peer(cell, model, dtype="mixed_bfloat16")
    keras.config.set_dtype_policy(policy)
    assert half.loop.cell.cells[0].compute_dtype == "bfloat16"
    losses = [half.train_on_batch(past, frames[:, 1:]) for _ in range(3)]
    assert losses[-1] < losses[0]
