"""Kernels that are made of the weights once for all steps of a loop."""

import contextlib


class CachedKernel:
    """Base class of layers that make their kernel of their weights.

    Casts, sums and products of weights are the same in every step of a time
    loop. `cached_kernels` makes them before the loop; elsewhere each call does.
    """

    def make_kernel(self):
        """The kernel, made of the weights.

        Returns:
            Tensor `(kernel height, kernel width, channels, filters)`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `make_kernel`."
        )

    @property
    def kernel_weights(self):
        """The weights that nothing but the kernel is made of."""
        raise NotImplementedError(
            f"{type(self).__name__} must define `kernel_weights`."
        )

    def current_kernel(self):
        """The kernel of the loop, or outside of one a new one."""
        kernel = vars(self).get("_held_kernel", (None,))[0]
        return self.make_kernel() if kernel is None else kernel


def kernel_makers(layer):
    """The layer itself and those in it that make kernels.

    Args:
        layer: `keras.layers.Layer`.

    Returns:
        List of `CachedKernel`.
    """
    layers = layer._flatten_layers()
    return [x for x in layers if isinstance(x, CachedKernel)]


@contextlib.contextmanager
def cached_kernels(layer):
    """A context in which the kernels of a layer are made only once.

    Args:
        layer: `keras.layers.Layer`.
    """
    makers = kernel_makers(layer)
    with using_kernels(makers, [maker.make_kernel() for maker in makers]):
        yield


@contextlib.contextmanager
def using_kernels(makers, kernels):
    """A context in which layers use the given kernels.

    Args:
        makers: List of `CachedKernel`.
        kernels: List of tensors.
    """
    before = [vars(maker).get("_held_kernel", (None,)) for maker in makers]
    try:
        for maker, kernel in zip(makers, kernels, strict=True):
            # In a tuple and past `__setattr__`: Keras tracks neither.
            vars(maker)["_held_kernel"] = (kernel,)
        yield
    finally:
        for maker, kernel in zip(makers, before, strict=True):
            vars(maker)["_held_kernel"] = kernel
