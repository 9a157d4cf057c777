"""The reference implementations compute what our models compute."""

import keras
import numpy as np
import pytest

import msrnn_keras
from benchmarks.keras_peers import conv_lstm_2d_cell, keras_loop
from tests.reference import clips, numpy

pytestmark = pytest.mark.backend_free

SHAPE = (8, 12, 2)
FILTERS, CONTEXT, HORIZON = 3, 2, 3
TOPOLOGIES = [("ms-convlstm", (1, 2, 2, 1)), ("convlstm", (1, 1))]


@pytest.fixture(params=TOPOLOGIES, ids=[name for name, _ in TOPOLOGIES])
def model(request):
    """Return our model with random weights and biases."""
    name, scales = request.param
    keras.utils.set_random_seed(5)
    model = msrnn_keras.create(
        name,
        image_shape=SHAPE,
        context=CONTEXT,
        horizon=HORIZON,
        filters=FILTERS,
        scales=scales,
    )
    rng = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(0.2 * rng.standard_normal(weight.shape))
    return model


@pytest.fixture
def frames():
    return clips(length=CONTEXT + HORIZON, size=SHAPE[:2], channels=SHAPE[2])


def parts(model):
    """Return embed, head and cells of a model."""
    names = [f"layer_{index}" for index in range(len(model.scales))]
    embed, head, *cells = map(model.step.get_layer, ["embed", "head", *names])
    return embed, head, cells


def loss(model, frames):
    """Return the loss of a training step of our model."""
    model.compile("sgd", loss=msrnn_keras.losses.FrameL1L2Loss())
    return model.train_on_batch(frames[:, :CONTEXT], frames[:, CONTEXT:])


def torch_loop(model, **options):
    """Return a `TorchTrainer` with the model's weights."""
    if keras.backend.backend() != "torch":
        pytest.skip("needs PyTorch")
    import torch

    from benchmarks.peers import TorchLoop, TorchTrainer

    loop = TorchLoop(FILTERS, model.scales, SHAPE[2], **options)
    embed, head, cells = parts(model)
    pairs = [(loop.embed, embed), (loop.head, head)]
    with torch.no_grad():
        for ours, theirs in pairs:
            ours.weight.copy_(kernel(theirs))
            ours.bias.copy_(torch.tensor(numpy(theirs.bias)))
        for ours, theirs in zip(loop.cells, cells, strict=True):
            x, h = theirs.x_to_gates, theirs.h_to_gates
            ours.gates.bias.copy_(torch.tensor(numpy(x.bias) + numpy(h.bias)))
            ours.gates.weight.copy_(kernel(x))
            ours.h_to_gates.weight.copy_(kernel(h))
    return TorchTrainer(loop, HORIZON)


def kernel(layer):
    import torch

    return torch.tensor(numpy(layer.kernel)).permute(3, 2, 0, 1)


def channels_first(frames):
    import torch

    return torch.tensor(np.moveaxis(frames, -1, 2))


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_torch_loop_is_our_model(model, frames, channels_last):
    trainer = torch_loop(model, channels_last=channels_last)
    past = frames[:, :CONTEXT]
    forecast = trainer.forecast(channels_first(past))
    np.testing.assert_allclose(
        np.moveaxis(forecast, 2, -1), model.predict(past, verbose=0), atol=1e-5
    )
    first = trainer.train_step(channels_first(frames))
    assert first == pytest.approx(float(loss(model, frames)), rel=1e-5)
    assert trainer.train_step(channels_first(frames)) < first


def test_half_precision_trains_the_torch_loop(model, frames):
    trainer = torch_loop(model)
    whole = trainer.train_step(channels_first(frames))
    from benchmarks.peers import TorchTrainer

    half = TorchTrainer(trainer.model, HORIZON, "mixed_bfloat16")
    losses = [half.train_step(channels_first(frames)) for _ in range(3)]
    assert losses[0] == pytest.approx(whole, rel=0.05)
    assert losses[-1] < losses[0]


def peer(make_cell, model, **options):
    return keras_loop(
        make_cell, SHAPE, model.scales, HORIZON, filters=FILTERS, **options
    )


def test_conv_lstm_2d_in_the_loop_is_our_model(model, frames):
    loop = peer(conv_lstm_2d_cell, model)
    embed, head, cells = parts(model)
    step = loop.loop.cell
    step.embed.set_weights(embed.get_weights())
    step.head.set_weights(head.get_weights())
    for theirs, ours in zip(step.cells, cells, strict=True):
        x, x_bias, h, h_bias = ours.get_weights()
        theirs.set_weights([x, h, x_bias + h_bias])
    check_loop(loop, model, frames)


def test_our_cell_in_the_bare_loop_is_our_model(model, frames):
    loop = peer(msrnn_keras.ConvLSTMCell, model)
    embed, head, cells = parts(model)
    step = loop.loop.cell
    for theirs, ours in zip(
        [step.embed, step.head, *step.cells], [embed, head, *cells], strict=True
    ):
        theirs.set_weights(ours.get_weights())
    check_loop(loop, model, frames)


def check_loop(loop, model, frames):
    past = frames[:, :CONTEXT]
    predictions = loop.predict_on_batch(past)
    np.testing.assert_allclose(
        predictions, model.predict_all(past), rtol=1e-4, atol=1e-5
    )
    ours = float(loss(model, frames))
    theirs = float(loop.train_on_batch(past, frames[:, 1:]))
    assert theirs == pytest.approx(ours, rel=1e-5)


@pytest.fixture
def dtype_policy():
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


def test_half_precision_reaches_the_cells_of_the_bare_loop(
    model, frames, dtype_policy
):
    loop = peer(conv_lstm_2d_cell, model, dtype="mixed_bfloat16")
    assert loop.loop.cell.cells[0].compute_dtype == "bfloat16"
    losses = [
        loop.train_on_batch(frames[:, :CONTEXT], frames[:, 1:])
        for _ in range(3)
    ]
    assert losses[-1] < losses[0]
