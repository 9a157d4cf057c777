"""The public names, one per line in `golden/public_names.txt`.

A changed name is a decision: change the file with it.
"""

import pytest

import msrnn_keras
import zoo
from tests.reference import GOLDEN


def public_names():
    modules = {"msrnn_keras": msrnn_keras, "zoo": zoo}
    for name in sorted({*msrnn_keras._MODULES, "losses"}):
        modules[f"msrnn_keras.{name}"] = getattr(msrnn_keras, name)
    for prefix, module in modules.items():
        yield from (f"{prefix}.{name}" for name in sorted(module.__all__))


@pytest.mark.backend_free
def test_public_names_are_those_of_the_snapshot():
    expected = (GOLDEN / "public_names.txt").read_text(encoding="utf-8")
    assert sorted(public_names()) == expected.splitlines()
    assert set(msrnn_keras._MODULES) < set(dir(msrnn_keras))
