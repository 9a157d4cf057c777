"""Types in public signatures."""

import os
from typing import Any, Literal, Protocol, TypeVar

Tensor = Any  # of any backend
Step = tuple[Tensor, Any, dict[str, Tensor]]  # output, states, further maps
Shape = tuple[int | None, ...]
Config = dict[str, Any]
Names = tuple[str, ...]
PathLike = os.PathLike[str] | str
Split = Literal["train", "validation", "test"]
Verbose = int | Literal["auto"]
Model = TypeVar("Model")


class HasInverse(Protocol):
    """A mapping from pixels in [0, 1] to the units of the data."""

    def inverse(self, pixels: Any, /) -> Any: ...
