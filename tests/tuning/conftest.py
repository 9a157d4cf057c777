import pytest

from tests.tuning.searches import search


@pytest.fixture(scope="session")
def uncut(tmp_path_factory):
    """The folder of a complete search, and its tuner."""
    folder = tmp_path_factory.mktemp("tuning") / "uncut"
    return folder, search(folder)
