"""Kernels that are computed from weights once for all steps of a loop."""

import contextlib

from msrnn_keras.utils.typing import Tensor


class CachedKernel:
    """A layer whose kernel `cached_kernels` computes once for a time loop.

    A subclass defines `make_kernel()`, which returns the kernel `(height,
    width, channels, filters)`, and `kernel_weights`, those used only for it.
    """

    has_kernel = True

    def current_kernel(self) -> Tensor:
        """Return the cached kernel, or a new one."""
        kernel = vars(self).get("_cached_kernel", (None,))[0]
        return self.make_kernel() if kernel is None else kernel


def kernel_makers(layer):
    """Return the layers within a layer that make kernels, itself included."""
    found = layer._flatten_layers()
    return [x for x in found if isinstance(x, CachedKernel) and x.has_kernel]


@contextlib.contextmanager
def cached_kernels(layer):
    """Make the kernels within a layer only once, in this context."""
    makers = kernel_makers(layer)
    with using_kernels(makers, [maker.make_kernel() for maker in makers]):
        yield


@contextlib.contextmanager
def using_kernels(makers, kernels):
    """Use the given kernels (tensors) in the given layers, in this context."""
    before = [vars(maker).get("_cached_kernel", (None,)) for maker in makers]
    try:
        for maker, kernel in zip(makers, kernels, strict=True):
            # In a tuple and past `__setattr__`, so that Keras tracks neither.
            vars(maker)["_cached_kernel"] = (kernel,)
        yield
    finally:
        for maker, kernel in zip(makers, before, strict=True):
            vars(maker)["_cached_kernel"] = kernel
