"""What tf2onnx lacks: an operation of GELU."""

import functools

import numpy as np


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
