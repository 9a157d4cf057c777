"""The published equations of the cells, in NumPy.

Each function takes a built cell, its input and its `State` as arrays, and
returns what `step` returns: the output, the new states in order, and aux.
"""

import keras
import numpy as np

from tests import reference
from tests.layers.test_local_attention import by_pixel
from tests.layers.test_warp import warp
from tests.reference import numpy, sigmoid


def conv(layer, *maps):
    """A 'same' convolution of maps side by side."""
    kernel, *bias = layer.get_weights()
    maps = np.concatenate(maps, axis=-1)
    return reference.conv(maps, kernel, bias[0] if bias else 0)


def split(gates, count):
    return np.split(gates, count, axis=-1)


def leaky_relu(x):
    return np.where(x > 0, x, 0.2 * x)


def memory(before, gates):
    i, f, g = split(gates, 3)
    return sigmoid(f) * before + sigmoid(i) * np.tanh(g)


def convlstm(cell, x, states):
    gates = conv(cell.x_to_gates, x) + conv(cell.h_to_gates, states.h)
    o = sigmoid(split(gates, 4)[3])
    c = memory(states.c, np.concatenate(split(gates, 4)[:3], axis=-1))
    h = o * np.tanh(c)
    return h, (h, c), {"output_gate": o}


def rounds(x, h, h_to_x, x_to_h):
    for n in (1, 2, 3, 4, 5):
        if n % 2:
            x = 2 * sigmoid(h_to_x(h)) * x
        else:
            h = 2 * sigmoid(x_to_h(x)) * h
    return x, h


def modernn(cell, x, states):
    def mean_of(layer):
        return lambda x: sum(conv(c, x) for c in layer.convs) / 3

    x, h = rounds(x, states.h, mean_of(cell.h_to_x), mean_of(cell.x_to_h))
    return convlstm(cell, x, states._replace(h=h))


def cms_lstm(cell, x, states):
    """The attention, tested on its own, is the layer's."""
    x, h = rounds(
        x,
        states.h,
        lambda h: conv(cell.h_to_x, h),
        lambda x: conv(cell.x_to_h, x),
    )
    h, (_, c), _ = convlstm(cell, x, states._replace(h=h))
    f = np.concatenate([h, c], axis=2).astype("float32")
    pair = conv(
        cell.stages_to_pair, *(numpy(stage(f)) for stage in cell.stages)
    )
    z = conv(cell.pair_to_z, *np.split(pair, 2, axis=2))
    i, g, o = split(conv(cell.h_to_update, h) + conv(cell.z_to_update, z), 3)
    c = (1 - sigmoid(i)) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * c
    return h, (h, c), {"output_gate": sigmoid(o)}


def mk_lstm(cell, x, states):
    cells, o = [], 0
    for k, c in enumerate((states.c3, states.c5)):
        gates = conv(cell.x_to_gates[k], x) + conv(cell.h_to_gates[k], states.h)
        *gates, o_k = split(gates, 4)
        cells.append(memory(c, np.concatenate(gates, axis=-1)))
        o = o + o_k + conv(cell.c_to_o[k], cells[k])
    o = sigmoid(o)
    h = o * np.tanh(conv(cell.c_to_h, *cells))
    return h, (h, *cells), {"output_gate": o}


def trajgru(cell, x, states):
    (h,) = states
    z_x, r_x, n_x, f_x = split(conv(cell.x_to_gates, x), 4)
    features = leaky_relu(f_x + conv(cell.h_to_features, h))
    flow = conv(cell.features_to_flow, features)
    links = np.moveaxis(warp(h, -flow), 3, 0)
    z_h, r_h, n_h = split(conv(cell.warped_to_gates, *links), 3)
    z = sigmoid(z_x + z_h)
    n = leaky_relu(n_x + sigmoid(r_x + r_h) * n_h)
    h = (1 - z) * n + z * h
    return h, (h,), {"flow": flow}


def preciplstm(cell, x, states):
    query, key, value = split(conv(cell.query_key_value, x), 3)
    attention = by_pixel(query, key, value, cell.attention_window)
    attended = x + conv(cell.attention_to_x, attention)
    n = cell.filters
    of_c, of_m, of_s = np.split(
        conv(cell.x_to_gates, attended), [4 * n, 7 * n], axis=-1
    )
    of_t = conv(cell.difference_to_gates, x - states.x)
    of_c = of_c + conv(cell.h_to_gates, states.h)
    c = memory(states.c, of_c[..., : 3 * n])
    m = memory(states.m, of_m + conv(cell.m_to_gates, states.m))
    s = memory(states.s, of_s + conv(cell.s_to_gates, states.s))
    t = memory(states.t, of_t + conv(cell.t_to_gates, states.t))
    o = of_c[..., 3 * n :]
    for name, state in zip("cstm", (c, s, t, m), strict=True):
        o = o + conv(getattr(cell, f"{name}_to_output"), state)
    o = sigmoid(o)
    h = o * np.tanh(conv(cell.all_to_hidden, c, s, t, m))
    return h, (m, h, c, s, t, x), {"output_gate": o}


def shrink(layer, x):
    """A 2×2 convolution with stride 2."""
    kernel, bias = layer.get_weights()
    height, width = (n // 2 for n in x.shape[1:3])
    out = np.zeros((len(x), height, width, kernel.shape[-1]))
    for row, column in np.ndindex(height, width):
        block = x[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        out[:, row, column] = np.tensordot(block, kernel, 3)
    return out + bias


def enlarge(layer, x):
    """A transposed 4×4 convolution with stride 2, cropped by one pixel."""
    kernel, bias = layer.get_weights()
    _, height, width, _ = x.shape
    out = np.zeros((len(x), 2 * height + 2, 2 * width + 2, kernel.shape[2]))
    for row, column in np.ndindex(height, width):
        # The kernel is (row, column, output, input).
        block = np.einsum("bi,hwoi->bhwo", x[:, row, column], kernel)
        out[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += block
    return out[:, 1:-1, 1:-1] + bias


def motion(cell, x, states):
    """The inner step, tested on its own, is the inner cell's."""
    tensors = (keras.ops.convert_to_tensor(s) for s in states)
    before, _ = cell.split(tuple(tensors))
    hidden, inner, inner_aux = cell.cell.step(
        keras.ops.convert_to_tensor(x), before
    )
    hidden, inner = numpy(hidden), cell.cell.State(*map(numpy, inner))
    aux = {name: numpy(value) for name, value in inner_aux.items()}
    flow, limit = states.motion, cell.motion_limit
    e = shrink(cell.encode, hidden)
    a, r = split(sigmoid(conv(cell.motion_gates, e, flow)), 2)
    z = np.tanh(conv(cell.candidate, e, r * flow))
    trend = (flow + states.trend) / 2
    flow = np.clip(a * z + (1 - a) * flow + trend, -limit, limit)
    mask = sigmoid(conv(cell.mask, e))
    moved = warp(e, flow)
    moved = [
        mask[..., i] * moved[..., i, c]
        for c in range(e.shape[-1])
        for i in range(9)
    ]
    dec = enlarge(cell.decode, conv(cell.merge, np.stack(moved, axis=-1)))
    g = sigmoid(conv(cell.fuse, dec, hidden))
    if x.shape[-1] != hidden.shape[-1]:
        x = conv(cell.x_to_highway, x)
    h = g * hidden + (1 - g) * dec + (1 - aux["output_gate"]) * x
    return h, (*inner._replace(h=h), flow, trend), {**aux, "flow": flow}
