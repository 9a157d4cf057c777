import math

import keras
import numpy as np
import pytest
from keras import ops

from msrnn_keras.cost import estimate
from msrnn_keras.cost.estimate import flops, graph, memory, receptive_field
from msrnn_keras.layers.block_attention import BlockAttention
from msrnn_keras.layers.local_attention import LocalAttention
from msrnn_keras.layers.warp import Warp
from tests.reference import tiny


def opened(*inputs, function):
    """The elementary graph of a function of maps of the given shapes."""
    tensors = [keras.KerasTensor(shape) for shape in inputs]
    return graph.elementary(graph.trace(tensors, function(*tensors)))


# === Graph ===


@pytest.mark.parametrize("name", ["ms-motionrnn", "ms-preciplstm", "predrnn"])
def test_the_elementary_graph_computes_what_the_step_computes(name):
    model = tiny(name, filters=4, scales=(1, 2, 1))
    opened = graph.elementary(graph.step_graph(model, batch=2))
    assert not any(
        type(node.operation).__module__.startswith("msrnn_keras.cells")
        for node in opened.nodes
    )
    rng = np.random.default_rng(0)
    inputs = [
        ops.convert_to_tensor(rng.random(x.shape, dtype="float32"))
        for x in opened.inputs
    ]
    values = dict(zip(map(id, opened.inputs), inputs, strict=True))
    for node in opened.nodes:
        args, kwargs = node.arguments.fill_in(values)
        operation = node.operation
        if isinstance(operation, graph.Rematerialized):
            operation = operation.function
        outputs = keras.tree.flatten(operation(*args, **kwargs))
        values.update(zip(map(id, node.outputs), outputs, strict=True))
        assert [tuple(x.shape) for x in outputs] == [
            tuple(x.shape) for x in node.outputs
        ]
    for x, expected in zip(opened.outputs, model.step(inputs), strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(values[id(x)]),
            ops.convert_to_numpy(expected),
            atol=1e-5,
        )


def test_rematerialization_is_as_before_afterwards():
    remat = keras.remat
    graph.elementary(graph.step_graph(tiny("preciplstm", scales=(1,))))
    assert keras.remat is remat


def test_frames_of_unknown_size_are_refused():
    model = tiny(image_shape=(None, 16, 1))
    with pytest.raises(ValueError, match=r"Received: image_shape=\(None, 16"):
        estimate.forecast_flops(model)


# === FLOPs ===


def test_flops_of_a_convlstm_by_hand():
    model = tiny(scales=(1, 2, 1), filters=2, image_shape=(8, 8, 1))
    convolution = 2 * 3 * 3 * 2 * 8 + 8  # with its bias, for each pixel
    # The sum of both, i, f, g, o and tanh(c), then three products and a sum.
    cell = 2 * convolution + 8 + 5 * 2 + 4 * 2
    embed, head = 2 * 2 + 2, 2 * 2 + 1
    pixels = 64 + 16 + 64
    pool, skip = 2 * 64, 2 * 64
    # Two phases of two products and a sum, along the rows, then the columns.
    up = 2 * 3 * (4 * 4 * 2) + 2 * 3 * (8 * 4 * 2)
    step = cell * pixels + (embed + head) * 64 + pool + skip + up
    assert estimate.forecast_flops(model) == (4 + 3 - 1) * step


def test_flops_of_a_folded_embed_by_hand():
    model = tiny("convlstm", scales=(1,), filters=4, image_shape=(8, 8, 1))
    # The frame and ones enter the first convolution, 4 channels the other.
    convolutions = 2 * 3 * 3 * (2 + 4) * 16 + 2 * 16
    cell = convolutions + 16 + 5 * 4 + 4 * 4
    head = 2 * 4 + 1
    assert estimate.forecast_flops(model) == (4 + 3 - 1) * 64 * (cell + head)


def test_flops_of_attention_are_those_of_its_matrix_products():
    counted = flops.flops(
        opened((1, 4, 8, 3), function=lambda x: BlockAttention(1)(x))
    )
    tokens = 4 * 8
    products = 2 * (2 * tokens * tokens * 3)
    convolution = tokens * (2 * 3 * 9 + 9)
    assert counted == products + tokens**2 + convolution + 3 * tokens


def test_flops_of_a_transposed_convolution():
    layer = keras.layers.Conv2DTranspose(5, 4, 2, "same", use_bias=False)
    counted = flops.flops(opened((1, 6, 8, 3), function=layer))
    assert counted == 2 * 4 * 4 * 3 * 5 * 6 * 8


# === Memory ===


def test_kept_tensors_of_a_convlstm_by_hand():
    model = tiny("convlstm", scales=(1,), filters=4, image_shape=(8, 6, 1))
    # i, f, g, o, tanh(c), c and h, the last two once for two steps, the frame
    # and ones; and, once, the kernel that the embed is folded into.
    step = 2 * 8 * 6 * (7 * 4 + 2) * 4
    kernel = 3 * 3 * 2 * 16 * 4
    needed = estimate.training_memory(model, batch=2)
    assert needed.activations == (4 + 3 - 1) * step + kernel
    assert needed.weights == needed.gradients == 4 * model.count_params()
    assert needed.moments == 8 * model.count_params()
    assert needed.total == sum(needed)


def test_a_buffer_is_kept_once_and_integers_are_only_kept_as_indices():
    def function(x):
        flat = ops.reshape(x, (2, 12))
        product = ops.tanh(x) * x * ops.reshape(flat * flat, (2, 3, 4))
        index = ops.cast(ops.floor(ops.clip(flat, 0.0, 11.0)), "int32")
        return product, ops.take(flat, index * 2, axis=1)

    kept = memory.kept_tensors(opened((2, 3, 4), function=function))
    # x (also as flat), tanh(x), x times that, flat * flat, clip(flat), index
    assert len(kept) == 6
    assert sum(x.dtype == "int32" for x in kept) == 1


@pytest.mark.parametrize(
    "function, needs_input, needs_output",
    [
        (lambda x: x + 1, False, False),
        (lambda x: ops.transpose(x, (0, 2, 1, 3)), False, False),
        (lambda x: x / 3, True, False),
        (ops.abs, True, False),
        (ops.leaky_relu, True, False),
        (lambda x: ops.maximum(x, 0.0), True, False),
        (lambda x: ops.matmul(x, x), True, False),
        (ops.rsqrt, False, True),
        (ops.sigmoid, False, True),
        (ops.softmax, False, True),
        (ops.tanh, False, True),
        (lambda x: ops.clip(x, 0.0, 1.0), True, True),
        (lambda x: ops.max_pool(x, 2), True, True),
    ],
)
def test_what_a_gradient_needs(function, needs_input, needs_output):
    step = opened((2, 4, 4, 4), function=function)
    kept = {id(x) for x in memory.kept_tensors(step)}
    needed = (needs_input, step.inputs), (needs_output, step.outputs)
    assert kept == {id(x) for needs, (x,) in needed if needs}


def test_the_window_of_attention_costs_time_but_no_kept_memory():
    small, large = (
        tiny("preciplstm", scales=(1, 1), attention_window=window)
        for window in (3, 9)
    )
    a, b = (estimate.training_memory(m, batch=1) for m in (small, large))
    assert a.activations == b.activations
    assert a.working < b.working
    assert estimate.forecast_flops(small) < estimate.forecast_flops(large)


def test_rematerialised_steps_keep_their_states_by_hand():
    options = {"scales": (1,), "filters": 4, "image_shape": (8, 6, 1)}
    plain = tiny("convlstm", **options)
    model = tiny("convlstm", **options, remat="step")
    channel, kernel = 2 * 8 * 6 * 4, 3 * 3 * 2 * 16 * 4
    needed = estimate.training_memory(model, batch=2)
    # What enters a step: the frame, h and c.
    states = (4 + 3 - 1) * (1 + 2 * 4) * channel
    assert needed.activations == states + kernel
    # Computed again: frame and ones, i, f, g, o, tanh(c) and the new h.
    step = graph.elementary(graph.step_graph(plain, batch=2))
    inside = (2 + 6 * 4) * channel
    assert needed.working == inside + memory._backward_peak(step)


def test_rematerialised_layers_keep_their_inputs_by_hand():
    options = {"scales": (1, 1), "filters": 4, "image_shape": (8, 6, 1)}
    model = tiny("convlstm", **options, remat="layer")
    channel, kernel = 2 * 8 * 6 * 4, 3 * 3 * 2 * 16 * 4
    needed = estimate.training_memory(model, batch=2)
    # The frame and ones; h and c of both layers, of which the first h is the
    # input of the second one and the second h that of the head.
    states = (4 + 3 - 1) * (2 + 4 * 4) * channel
    assert needed.activations == states + kernel
    # Computed again: i, f, g, o and tanh(c) of a layer, while the gradients of
    # h and c of the other one wait.
    step = graph.rematerialized(graph.step_graph(model, batch=2), "layer")
    cells = [n for n in step.nodes if graph.name_of(n) == "Rematerialized"]
    peak = memory._backward_peak(cells[-1].operation.graph)
    assert needed.working == (5 + 2) * 4 * channel + peak


@pytest.mark.parametrize(
    "name", ["ms-motionrnn", "ms-predrnn-v2", "ms-modernn"]
)
def test_rematerialisation_takes_less_memory_in_all(name):
    none, layer, step = (
        estimate.training_memory(
            tiny(name, filters=4, context=10, horizon=10, remat=remat), batch=4
        )
        for remat in (None, "layer", "step")
    )
    assert step.activations < layer.activations < none.activations
    assert none.working < layer.working < step.working
    assert max(layer.total, step.total) < 0.5 * none.total
    assert none[:3] == layer[:3] == step[:3]


def test_sums_of_kernels_are_made_once():
    model = tiny("modernn", scales=(1,))
    shapes = [tuple(x.shape) for x in memory.made_kernels(model.step)]
    assert shapes == [(7, 7, 2, 2)] * 2  # for five rounds
    assert memory.made_kernels(tiny("convlstm").step) == []


def test_mixed_precision_keeps_half_and_the_cast_kernels():
    wide = tiny("convlstm", scales=(1,))
    mixed = tiny("convlstm", scales=(1,), dtype="mixed_bfloat16")
    kernels = sum(
        math.prod(w.shape)
        for w in mixed.trainable_variables
        if len(w.shape) > 1 and "head" not in w.path
    )
    half_map = 2 * math.prod(mixed.image_shape[:2]) * mixed.filters
    # In float32: the cell state, its forget gate and what the head reads.
    steps = mixed.context + mixed.horizon - 1
    wider = steps * (half_map + half_map + 2 * half_map)
    a, b = (estimate.training_memory(m, batch=1) for m in (wide, mixed))
    assert b.activations == a.activations // 2 + 2 * kernels + wider
    assert b.weights == a.weights


def test_working_set_by_hand():
    def function(x):
        wide = ops.tanh(ops.concatenate([x, x], axis=-1))
        return ops.tanh(ops.concatenate([wide, wide], axis=-1))

    n = 2 * 3 * 4 * 4  # bytes of x
    steps = opened((2, 3, 4), function=function)
    # What the second tanh reads; what the first one read is gone by then.
    assert memory._forward_peak(steps) == 4 * n
    assert memory._backward_peak(steps) == 8 * n  # gradients around it
    assert memory.working_set(steps) == 8 * n


# === Receptive field ===


def sides_by_trial(model, trials=4):
    """Sides of what the layers see, by changing each row of the frame.

    Returns:
        Tuple of two lists, for the newest and for the oldest frame.
    """
    step = model.step
    layers = [x for x in step.layers if x.name.startswith("layer_")]
    outputs = [layer.output[0] for layer in layers]
    step = keras.Model(step.inputs, [step.outputs, outputs])
    rows = model.image_shape[0]
    newest, oldest = (
        [np.zeros((rows, rows), bool) for _ in layers] for _ in range(2)
    )
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        # Large, so that no change is lost in rounding.
        weight.assign(rng.normal(size=weight.shape))
    for _ in range(trials):
        frames = rng.random((model.context, 1, *model.image_shape))
        # Sample r has another row r; the last one has none.
        first = np.repeat(frames[0], rows + 1, axis=0)
        for row in range(rows):
            first[row, row] += rng.normal(size=first[row, row].shape)
        states = [
            ops.convert_to_tensor(
                rng.normal(size=(1, *x.shape[1:])).repeat(rows + 1, axis=0)
            )
            for x in step.inputs[1:]
        ]
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
    """Which rows of a map differ from those of the last sample."""
    maps = ops.convert_to_numpy(maps)
    # Two threads round the same numbers differently.
    return (np.abs(maps[:-1] - maps[-1:]) > 1e-13).any(axis=(2, 3))


def _largest_span(seen):
    return max(np.ptp(np.flatnonzero(column)) + 1 for column in seen.T)


@pytest.mark.parametrize(
    "name, options",
    [
        ("convlstm", {"scales": (1, 1, 1), "context": 3}),
        ("convlstm", {"scales": (1, 1), "context": 2, "filters": 3}),
        ("ms-convlstm", {"scales": (1, 2, 4, 2, 1), "context": 1}),
        ("ms-convlstm", {"scales": (1, 3, 1), "context": 2}),
        ("ms-predrnn", {"scales": (1, 2, 1), "context": 2}),
        ("ms-predrnn++", {"scales": (1, 1), "context": 2, "patch_size": 2}),
        (
            "ms-preciplstm",
            {"scales": (1, 2, 1), "context": 1, "attention_window": 4},
        ),
        ("modernn", {"scales": (1,), "context": 1}),
    ],
)
def test_receptive_fields_are_what_is_seen(name, options):
    model = tiny(name, image_shape=(72, 8, 1), dtype="float64", **options)
    fields = estimate.receptive_fields(model)
    newest, oldest = sides_by_trial(model)
    assert max(oldest) < 72
    for scale, field in fields.items():
        layers = [i for i, s in enumerate(model.scales) if s == scale]
        assert field.newest == max(newest[i] for i in layers)
        assert field.oldest == max(oldest[i] for i in layers)


@pytest.mark.parametrize(
    "layer_class, size, stride, padding",
    [
        ("Conv2D", 2, 2, "same"),
        ("Conv2D", 5, 2, "same"),
        ("Conv2D", 4, 1, "same"),
        ("Conv2D", 1, 1, "valid"),
        ("Conv2DTranspose", 4, 2, "same"),
        ("Conv2DTranspose", 3, 2, "same"),
        ("Conv2DTranspose", 3, 1, "same"),
    ],
)
def test_spans_of_convolutions(layer_class, size, stride, padding):
    layer = getattr(keras.layers, layer_class)(
        1, (size, 1), (stride, 1), padding, kernel_initializer="ones"
    )
    steps = opened((1, 8, 1, 1), function=layer)
    (span,) = receptive_field._propagate(
        steps, [np.stack([np.arange(8.0)] * 2)]
    )
    # Sample r is zero but for row r.
    seen = layer(ops.reshape(ops.eye(8), (8, 8, 1, 1)))
    seen = ops.convert_to_numpy(seen)[:, :, 0, 0] != 0
    expected = [np.flatnonzero(column)[[0, -1]] for column in seen.T]
    np.testing.assert_array_equal(span, np.transpose(expected))


def test_spans_of_attention():
    tensors = [keras.KerasTensor((1, 8, 8, 2)) for _ in range(3)]
    output = LocalAttention(4)(*tensors)
    rows = np.arange(8.0)
    spans = [np.stack([rows, rows])] * 3
    (span,) = receptive_field._propagate(graph.trace(tensors, output), spans)
    expected = np.stack([rows - 2, rows + 1]).clip(0, 7)
    np.testing.assert_array_equal(span, expected)


@pytest.mark.parametrize("name", ["ms-trajgru", "motionrnn", "cms-lstm"])
def test_learned_offsets_and_global_attention_see_everything(name):
    model = tiny(name, scales=(1, 1), filters=4)
    assert estimate.receptive_fields(model) == {1: (np.inf, np.inf)}


def test_an_image_of_any_size_has_the_same_receptive_field():
    small, large = (tiny(image_shape=(n, n, 1)) for n in (8, 60))
    expected = estimate.receptive_fields(small)
    assert estimate.receptive_fields(large) == expected


def test_layers_that_are_not_opened_are_in_the_table():
    step = graph.step_graph(tiny("ms-trajgru"))
    step = graph.elementary(step, kept=(Warp,))
    names = [graph.name_of(node) for node in step.nodes]
    assert names.count("Warp") == 6
    assert "Resample" not in names
