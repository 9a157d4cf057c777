"""The table of translators; add a row to `TRANSLATORS`."""

from collections.abc import Callable
from typing import NamedTuple

from msrnn_keras.models.simvp.gsta import gsta
from msrnn_keras.models.simvp.inception import inception
from msrnn_keras.models.simvp.tau import tau


class Settings(NamedTuple):
    """What a translator is made of: arguments of `SimVP`."""

    filters: int
    blocks: int
    mlp_ratio: float
    drop_path_rate: float
    inception_kernel_sizes: tuple
    inception_groups: int
    options: dict  # arguments of all its layers: dtype and remat


class Translator(NamedTuple):
    """What mixes the frames of a clip.

    `apply(x, settings)` maps the encoded frames `(batch, h, w, context ·
    filters)` to those of the future, of the same shape. It also returns a dict
    from the part of a published name to the layer with its `published_weights`.
    """

    apply: Callable
    divergence_weight: float = 0.0  # the default of `SimVP`


TRANSLATORS = {
    "inception": Translator(inception),
    "gsta": Translator(gsta),
    "tau": Translator(tau, divergence_weight=0.1),
}
