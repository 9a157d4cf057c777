"""The processes of one training and the devices they use."""

from typing import Any

import keras


class Group:
    """The processes that train one model together; here, one process."""

    is_main = True  # The main process writes files and prints.

    def wrap(self, model: keras.Model) -> Any:
        """Return a compiled model that trains together with the others'."""
        return model

    def shard(self, dataset: keras.utils.PyDataset) -> keras.utils.PyDataset:
        """Return the part of a `keras.utils.PyDataset` that we feed."""
        return dataset

    def any(self, flag: bool) -> bool:
        """Return whether a boolean is true in any process."""
        return flag


def check_available(devices, available):
    """Refuse more devices than the names in `available`."""
    if devices > len(available):
        raise ValueError(
            f"Ask for no more devices than there are, {len(available)} "
            f"({', '.join(available)}); CPUs can be divided into more only "
            f"before their first use. Received: devices={devices}"
        )
