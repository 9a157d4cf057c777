import keras
import numpy as np
import pytest

from msrnn_keras.layers.block_attention import BlockAttention, attend
from tests import reference
from tests.reference import assert_close, numpy, randomize


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


@pytest.mark.parametrize("size", [(5, 6), (1, 2)])
@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_equals_attention_block_by_block(blocks, size):
    height, width = size
    x = reference.clips(1, 2, (height, 2 * width), 3)[0] - 0.5
    layer = BlockAttention(blocks)
    layer.build(x.shape)
    randomize(layer)
    expected = attention(x, blocks, *layer.to_qkv.get_weights())
    given = numpy(layer(x))
    assert_close(given, expected, atol=2e-5)


def test_scores_keep_their_digits_in_half_precision():
    # Scores 100 and 100.625: bfloat16 has 100 and 100.5 there.
    tokens = np.array([[[10, 10, 0], [10, 10.0625, 64]]])  # query, key, value
    given = attend(keras.ops.cast(tokens, "bfloat16"))
    assert keras.backend.standardize_dtype(given.dtype) == "bfloat16"
    expected = np.full((1, 2, 1), 64 * softmax(np.array([100, 100.625]))[1])
    assert_close(keras.ops.cast(given, "float32"), expected, rtol=0.01)


@pytest.mark.backend_free
def test_refuses_bad_blocks():
    for blocks in (0, 2.5, None):
        with pytest.raises(ValueError, match="blocks.*Received: "):
            BlockAttention(blocks)
