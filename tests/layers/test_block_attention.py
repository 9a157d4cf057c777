import keras
import numpy as np
import pytest

from msrnn_keras.layers.block_attention import BlockAttention, attend
from tests import reference
from tests.reference import assert_close, numpy


def softmax(scores):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def attention(pair, blocks, kernel, bias):
    """Block by block, each map on its own array."""
    left, right = np.split(pair, 2, axis=2)
    height, width = left.shape[1:3]
    missing = ((0, 0), (0, -height % blocks), (0, -width % blocks), (0, 0))
    maps = [np.pad(m, missing) for m in (left, right)]
    out = [np.zeros_like(m) for m in maps]
    rows = np.split(np.arange(maps[0].shape[1]), blocks)
    columns = np.split(np.arange(maps[0].shape[2]), blocks)
    for sample in range(len(pair)):
        for row in rows:
            for column in columns:
                place = (sample, *np.ix_(row, column))
                shape = (2, len(row), len(column), pair.shape[-1])
                f = np.stack([m[place] for m in maps])
                f = f.reshape(-1, shape[-1])
                q, k, v = np.split(f @ kernel[0, 0] + bias, 3, axis=-1)
                y = (f + softmax(q @ k.T) @ v).reshape(shape)
                out[0][place], out[1][place] = y
    return np.concatenate([m[:, :height, :width] for m in out], axis=2)


def built(blocks, channels, **kwargs):
    """A layer with random weights, biases too."""
    layer = BlockAttention(blocks, **kwargs)
    layer.build((None, None, None, channels))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


def pairs(size, channels=3):
    height, width = size
    return reference.clips(1, 2, (height, 2 * width), channels)[0] - 0.5


@pytest.mark.parametrize("size", [(4, 8), (5, 6), (3, 7), (1, 2)])
@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_equals_attention_block_by_block(blocks, size):
    x = pairs(size)
    layer = built(blocks, 3)
    expected = attention(x, blocks, *layer.to_qkv.get_weights())
    given = numpy(layer(x))
    assert_close(given, expected, atol=2e-5)


def test_takes_maps_of_any_size():
    layer = built(2, 3)
    frames = keras.Input((None, None, 3))
    model = keras.Model(frames, layer(frames))
    assert model.output_shape == (None, None, None, 3)
    for size in ((4, 2), (3, 5)):
        x = pairs(size)
        expected = attention(x, 2, *layer.to_qkv.get_weights())
        assert_close(model.predict(x, verbose=0), expected, atol=2e-5)


def test_scores_keep_their_digits_in_half_precision():
    # Scores 100 and 100.625: bfloat16 has 100 and 100.5 there.
    tokens = np.array([[[10, 10, 0], [10, 10.0625, 64]]])  # query, key, value
    given = attend(keras.ops.cast(tokens, "bfloat16"))
    assert keras.backend.standardize_dtype(given.dtype) == "bfloat16"
    expected = np.full((1, 2, 1), 64 * softmax(np.array([100, 100.625]))[1])
    assert_close(keras.ops.cast(given, "float32"), expected, rtol=0.01)


@pytest.mark.parametrize("blocks", [0, 2.0, None])
def test_refuses_bad_blocks(blocks):
    with pytest.raises(ValueError, match="blocks.*Received: "):
        BlockAttention(blocks)
