"""What the processes of a training share, and the devices they ask for."""


class Group:
    """The processes that train one model together; here one alone."""

    chief = True  # Whether this is the process that writes and prints.

    def prepare(self, model):
        """The compiled model, made to train with those of the others."""
        return model

    def share(self, dataset):
        """What this process has to feed of a `keras.utils.PyDataset`."""
        return dataset

    def any(self, flag):
        """Whether a boolean is true in any of the processes."""
        return flag


def check_available(devices, available):
    """Refuse more devices than the names of those there are."""
    if devices > len(available):
        raise ValueError(
            f"Ask for no more devices than there are, {len(available)} "
            f"({', '.join(available)}); CPUs can be divided into more only "
            f"before their first use. Received: devices={devices}"
        )
