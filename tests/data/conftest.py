import pytest

from tests.data.datasets import published


def pytest_itemcollected(item):
    if item.path.parent.name in ("datasets", "io"):
        item.add_marker("backend_free")


@pytest.fixture(scope="session")
def taxibj(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "taxibj"
    published.write_taxibj(folder)
    return folder


@pytest.fixture(scope="session")
def germany(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "RYDL.hdf5"
    published.write_germany(path)
    return path


@pytest.fixture(scope="session")
def kth(tmp_path_factory):
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("published") / "kth"
    published.write_kth(folder)
    return folder


@pytest.fixture(scope="session")
def radar(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "radar"
    published.write_radar(folder)
    return folder


@pytest.fixture(scope="session")
def sevir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    published.write_sevir(folder)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bytes_read(monkeypatch):
    """A list that gets the size of each array read from HDF5."""
    import h5py

    sizes = []
    read = h5py.Dataset.__getitem__

    def record(self, *args, **kwargs):
        result = read(self, *args, **kwargs)
        sizes.append(getattr(result, "nbytes", 0))
        return result

    monkeypatch.setattr(h5py.Dataset, "__getitem__", record)
    return sizes
