"""A disk that is full."""

import contextlib
import resource


@contextlib.contextmanager
def full(size=2000):
    """Let files grow to so many bytes; the system refuses more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
