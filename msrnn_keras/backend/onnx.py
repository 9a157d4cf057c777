"""What tf2onnx lacks: an operation of GELU, and a look at its result."""

import functools

import keras
import numpy as np

from msrnn_keras.utils.extras import require

TOLERANCE = 1e-3  # relative to the largest value


def fault(path, model, shapes):
    """Return why a file does not compute what the model does, else None.

    tf2onnx moves transpositions in an order that differs from call to call,
    and one in many files cannot run. The inputs are random.
    """
    runtime = require("onnxruntime", "export")
    rng = np.random.default_rng(0)
    inputs = [rng.random(shape, dtype="float32") for shape in shapes]
    expected = model(inputs if len(inputs) > 1 else inputs[0])
    expected = map(keras.ops.convert_to_numpy, keras.tree.flatten(expected))
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # a failure is the answer, not a message
    try:
        session = runtime.InferenceSession(path, options)
        names = [given.name for given in session.get_inputs()]
        given = session.run(None, dict(zip(names, inputs, strict=True)))
    except Exception as error:  # its classes are private
        return " ".join(str(error).split())
    for x, y in zip(given, expected, strict=True):
        error = np.abs(x - y).max() / max(1.0, np.abs(y).max())
        if not error <= TOLERANCE:  # NaN is a fault too
            return f"a relative difference of {error:.1e}"
    return None


@functools.cache
def register():
    """Teach tf2onnx the operation `Erfc`."""
    from tf2onnx.handler import tf_op

    tf_op("Erfc")(_Erfc)


class _Erfc:
    """1 - erf(x), as the versions of operators that tf2onnx looks for."""

    @classmethod
    def version_9(cls, graph, node, **kwargs):
        (result,) = node.output
        dtype, shape = graph.get_dtype(result), graph.get_shape(result)
        graph.remove_node(node.name)
        one = graph.make_const(f"{node.name}/one", np.array(1.0, "float32"))
        erf = graph.make_node("Erf", node.input)
        graph.make_node(
            "Sub",
            [one.output[0], erf.output[0]],
            outputs=[result],
            shapes=[shape],
            dtypes=[dtype],
        )
