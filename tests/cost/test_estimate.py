import math

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras import create
from msrnn_keras.cost import estimate
from msrnn_keras.cost.estimate import flops, graph, memory, receptive_field
from msrnn_keras.layers.block_attention import BlockAttention
from msrnn_keras.layers.rematerialization import Remat
from tests.reference import numpy, tiny


def opened(*inputs, function):
    """Return the elementary graph of a function of maps of given shapes."""
    tensors = [keras.KerasTensor(shape) for shape in inputs]
    return graph.elementary(graph.trace(tensors, function(*tensors)))


@pytest.mark.backend_free
@pytest.mark.parametrize("name", ["ms-motionrnn", "ms-preciplstm", "predrnn"])
def test_the_elementary_graph_computes_what_the_step_computes(name):
    model = tiny(name, filters=4, scales=(1, 2, 1))
    opened = graph.elementary(graph.step_graph(model, batch=2))
    modules = {type(node.operation).__module__ for node in opened.nodes}
    assert not any(name.startswith("msrnn_keras.cells") for name in modules)
    rng = np.random.default_rng(0)
    inputs = [rng.random(x.shape, dtype="float32") for x in opened.inputs]
    inputs = list(map(ops.convert_to_tensor, inputs))
    values = dict(zip(map(id, opened.inputs), inputs, strict=True))
    for node in opened.nodes:
        args, kwargs = node.arguments.fill_in(values)
        outputs = keras.tree.flatten(node.operation(*args, **kwargs))
        for x, y in zip(node.outputs, outputs, strict=True):
            assert tuple(x.shape) == tuple(y.shape)
            values[id(x)] = y
    for x, expected in zip(opened.outputs, model.step(inputs), strict=True):
        given = numpy(values[id(x)])
        np.testing.assert_allclose(given, numpy(expected), atol=1e-5)


def test_flops_of_a_convlstm_by_hand():
    model = tiny(scales=(1, 2, 1), filters=2, image_shape=(8, 8, 1))
    convolution = 2 * 3 * 3 * 2 * 8 + 8  # with its bias, for each pixel
    # The sum of both, i, f, g, o and tanh(c), then three products and a sum.
    cell = 2 * convolution + 8 + 5 * 2 + 4 * 2
    embed, head = 2 * 2 + 2, 2 * 2 + 1
    pixels = 64 + 16 + 64
    pool, skip = 2 * 64, 2 * 64
    # Two phases of two products and a sum, for the rows, then the columns.
    up = 2 * 3 * (4 * 4 * 2) + 2 * 3 * (8 * 4 * 2)
    step = cell * pixels + (embed + head) * 64 + pool + skip + up
    assert estimate.forecast_flops(model) == (4 + 3 - 1) * step
    # With one layer, embed is folded into its convolution.
    model = tiny("convlstm", scales=(1,), filters=4, image_shape=(8, 8, 1))
    # The frame and ones enter the first convolution, 4 channels the other.
    convolutions = 2 * 3 * 3 * (2 + 4) * 16 + 2 * 16
    cell = convolutions + 16 + 5 * 4 + 4 * 4
    head = 2 * 4 + 1
    assert estimate.forecast_flops(model) == (4 + 3 - 1) * 64 * (cell + head)


def test_flops_of_attention_and_of_a_transposed_convolution():
    step = opened((1, 4, 8, 3), function=lambda x: BlockAttention(1)(x))
    tokens = 4 * 8
    products = 2 * (2 * tokens * tokens * 3)
    convolution = tokens * (2 * 3 * 9 + 9)
    expected = products + tokens**2 + convolution + 3 * tokens
    assert flops.flops(step) == expected
    layer = keras.layers.Conv2DTranspose(5, 4, 2, "same", use_bias=False)
    counted = flops.flops(opened((1, 6, 8, 3), function=layer))
    assert counted == 2 * 4 * 4 * 3 * 5 * 6 * 8


# One layer of 4 channels, a batch of 2 frames of 8×6 pixels.
SMALL = {"filters": 4, "image_shape": (8, 6, 1)}
CHANNEL = 2 * 8 * 6 * 4  # bytes of a map of one channel
KERNEL = 3 * 3 * 2 * 16 * 4  # bytes of the kernel that embed is folded into
STEPS = 4 + 3 - 1


@pytest.mark.parametrize(
    ("options", "kept", "working"),
    [
        # Kept: i, f, g, o, tanh(c), c and h (the last two once for two
        # steps), the frame and ones. Working: the same and the given h.
        ({"scales": (1,)}, 7 * 4 + 2, 8 * 4 + 2),
        # Kept: the frame, h and c. Recomputed: frame and ones, i, f, g, o,
        # tanh(c), the new h and the given h and c.
        ({"scales": (1,), "remat": "step"}, 9, 9 + 2 * (2 + 8 * 4)),
        # Kept: frame and ones; h and c of both layers, where h of the first
        # is the input of the second and h of the second that of the head.
        # Recomputed: the inputs of the second layer, i, f, g, o and tanh(c).
        ({"scales": (1, 1), "remat": "layer"}, 2 + 4 * 4, 26 + 16 * 4),
    ],
)
def test_memory_of_a_convlstm_by_hand(options, kept, working):
    model = tiny("convlstm", **SMALL, **options)
    weights = 4 * model.count_params()  # bytes
    expected = 4 * weights + (STEPS * kept + working) * CHANNEL + KERNEL
    assert estimate.training_memory(model, batch=2) == expected


def test_a_buffer_is_kept_once_and_integers_only_as_indices():
    def function(x):
        flat = ops.reshape(x, (2, 12))
        product = ops.tanh(x) * x * ops.reshape(flat * flat, (2, 3, 4))
        index = ops.cast(ops.floor(ops.clip(flat, 0.0, 11.0)), "int32")
        return product, ops.take(flat, index * 2, axis=1)

    kept = memory.kept_tensors(opened((2, 3, 4), function=function))
    # x (also as flat), tanh(x), x times that, flat * flat, clip(flat), index
    assert len(kept) == 6
    assert sum(x.dtype == "int32" for x in kept) == 1


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "function, reads_input, reads_output",
    [
        (lambda x: x + 1, False, False),
        (lambda x: ops.transpose(x, (0, 2, 1, 3)), False, False),
        (lambda x: x / 3, True, False),
        (ops.abs, True, False),
        (ops.leaky_relu, True, False),
        (lambda x: ops.matmul(x, x), True, False),
        (Remat(ops.tanh), True, False),
        (ops.softmax, False, True),
        (ops.tanh, False, True),
        (lambda x: ops.clip(x, 0.0, 1.0), True, True),
        (lambda x: ops.max_pool(x, 2), True, True),
    ],
)
def test_what_a_gradient_reads(function, reads_input, reads_output):
    step = opened((2, 4, 4, 4), function=function)
    kept = {id(x) for x in memory.kept_tensors(step)}
    expected = (reads_input, step.inputs), (reads_output, step.outputs)
    assert kept == {id(x) for reads, (x,) in expected if reads}


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("name", "batch", "remat", "measured"),
    [
        # MiB of the first training step, of benchmarks/README.md.
        ("convlstm", 4, None, 3458),
        ("ms-convlstm", 4, None, 1807),
        ("cms-lstm", 2, None, 14898),
        ("ms-trajgru", 4, "step", 1719),
    ],
)
def test_estimates_are_near_what_was_measured(name, batch, remat, measured):
    model = create(name, remat=remat)  # of the published sizes
    estimated = estimate.training_memory(model, batch) / 2**20
    # The rest is what TensorFlow takes for itself.
    assert min(measured - 250, 0.95 * measured) < estimated < measured


def test_sums_and_casts_of_kernels_are_made_once():
    model = tiny("modernn", scales=(1,))
    shapes = [tuple(x.shape) for x in memory.made_kernels(model.step)]
    assert shapes == [(7, 7, 2, 2)] * 2  # for five rounds
    assert memory.made_kernels(tiny("convlstm").step) == []
    wide = tiny("convlstm", scales=(1,))
    mixed = tiny("convlstm", scales=(1,), dtype="mixed_bfloat16")
    weights = [w for w in mixed.trainable_variables if "head" not in w.path]
    kernels = sum(math.prod(w.shape) for w in weights if len(w.shape) > 1)
    half_map = 2 * math.prod(mixed.image_shape[:2]) * mixed.filters
    steps = [graph.elementary(graph.step_graph(x)) for x in (wide, mixed)]
    a, b = (memory.total_size(memory.kept_in_a_loop(step)) for step in steps)
    # In float32: the cell state, its forget gate and the input of the head.
    assert b == a // 2 + 4 * half_map
    made = memory.total_size(memory.made_kernels(mixed.step))
    assert made == 2 * kernels


def sides_by_trial(model, trials=4):
    """Return the sides of the fields, by changing each row of the frame."""
    step = model.step
    layers = [x for x in step.layers if x.name.startswith("layer_")]
    outputs = [layer.output[0] for layer in layers]
    step = keras.Model(step.inputs, [step.outputs, outputs])
    rows = model.image_shape[0]
    newest, oldest = np.zeros((2, len(layers), rows, rows), bool)
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        # Large, so that no change is lost in rounding.
        weight.assign(rng.normal(size=weight.shape))
    for _ in range(trials):
        frames = rng.random((model.context, 1, *model.image_shape))
        # Sample r has a different row r; the last sample has none.
        first = np.repeat(frames[0], rows + 1, axis=0)
        for row in range(rows):
            first[row, row] += rng.normal(size=first[row, row].shape)
        shapes = [(1, *x.shape[1:]) for x in step.inputs[1:]]
        states = [rng.normal(size=s).repeat(rows + 1, axis=0) for s in shapes]
        states = list(map(ops.convert_to_tensor, states))
        found = []
        for frame in [first, *frames[1:]]:
            frame = ops.convert_to_tensor(np.broadcast_to(frame, first.shape))
            (_, *states), maps = step([frame, *states])
            found.append([_changed(x) for x in maps])
        for seen, new in ((newest, found[0]), (oldest, found[-1])):
            for index, changed in enumerate(new):
                every = rows // changed.shape[1]
                seen[index] |= changed.repeat(every, axis=1)
    return [[_largest_span(x) for x in seen] for seen in (newest, oldest)]


def _changed(maps):
    """Return which rows of a map differ from those of the last sample."""
    maps = numpy(maps)
    # Threads may round the same numbers differently.
    return (np.abs(maps[:-1] - maps[-1:]) > 1e-13).any(axis=(2, 3))


def _largest_span(seen):
    return max(np.ptp(np.flatnonzero(column)) + 1 for column in seen.T)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "name, options",
    [
        ("convlstm", {"scales": (1, 1, 1), "context": 3}),
        ("ms-convlstm", {"scales": (1, 2, 4, 2, 1)}),
        ("ms-convlstm", {"scales": (1, 3, 1), "context": 2}),
        ("ms-predrnn", {"scales": (1, 2, 1), "context": 2}),
        ("ms-predrnn++", {"scales": (1, 1), "context": 2, "patch_size": 2}),
        ("ms-preciplstm", {"scales": (1, 2, 1), "attention_window": 4}),
        ("modernn", {"scales": (1,)}),
    ],
)
def test_receptive_fields_are_what_is_seen(name, options):
    options = {"image_shape": (72, 8, 1), "context": 1, **options}
    model = tiny(name, dtype="float64", **options)
    fields = estimate.receptive_fields(model)
    newest, oldest = sides_by_trial(model)
    assert max(oldest) < 72
    for scale, field in fields.items():
        layers = [i for i, s in enumerate(model.scales) if s == scale]
        assert field.newest == max(newest[i] for i in layers)
        assert field.oldest == max(oldest[i] for i in layers)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    "layer_class, size, stride, padding",
    [
        ("Conv2D", 5, 2, "same"),
        ("Conv2D", 4, 1, "same"),
        ("Conv2D", 1, 1, "valid"),
        ("Conv2DTranspose", 4, 2, "same"),
        ("Conv2DTranspose", 3, 1, "same"),
    ],
)
def test_spans_of_convolutions(layer_class, size, stride, padding):
    make = getattr(keras.layers, layer_class)
    arguments = (1, (size, 1), (stride, 1), padding)
    layer = make(*arguments, kernel_initializer="ones")
    steps = opened((1, 8, 1, 1), function=layer)
    rows = np.stack([np.arange(8.0)] * 2)
    (span,) = receptive_field._propagate(steps, [rows])
    # Sample r is zero but for row r.
    seen = layer(ops.reshape(ops.eye(8), (8, 8, 1, 1)))
    seen = numpy(seen)[:, :, 0, 0] != 0
    expected = [np.flatnonzero(column)[[0, -1]] for column in seen.T]
    np.testing.assert_array_equal(span, np.transpose(expected))


@pytest.mark.backend_free
@pytest.mark.parametrize("name", ["ms-trajgru", "cms-lstm"])
def test_learned_offsets_and_global_attention_see_everything(name):
    model = tiny(name, scales=(1, 1), filters=4, image_shape=(8, 8, 1))
    assert estimate.receptive_fields(model) == {1: (np.inf, np.inf)}
