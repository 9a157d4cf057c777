def pytest_itemcollected(item):
    item.add_marker("backend_free")
