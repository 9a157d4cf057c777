"""Searches by several processes: KerasTuner's chief and its workers."""

import os

from msrnn_keras.tuning.folder import SEARCH, check_folder

VARIABLES = (
    "KERASTUNER_TUNER_ID",
    "KERASTUNER_ORACLE_IP",
    "KERASTUNER_ORACLE_PORT",
)


def role_of_process():
    """`"alone"`, `"chief"` or `"worker"`, from KerasTuner's environment."""
    given = {name: os.environ.get(name) for name in VARIABLES}
    if given["KERASTUNER_ORACLE_IP"] is None:
        return "alone"
    if None in given.values():
        missing = [name for name, value in given.items() if value is None]
        raise ValueError(
            f"A chief and its workers need {', '.join(VARIABLES)} in the "
            f"environment. Received: no {', '.join(missing)}"
        )
    chief = "chief" in given["KERASTUNER_TUNER_ID"]
    return "chief" if chief else "worker"


def address():
    """Of the chief, as text."""
    return ":".join(os.environ.get(name, "") for name in VARIABLES[1:])


def await_chief(tuner, folder, search):
    """Wait for the chief, and refuse what is not its search."""
    import grpc

    if tuner.talkative:
        print(f"Waiting for the chief at {address()}.", flush=True)
    try:
        tuner.oracle.get_space()
    except grpc.RpcError as error:
        raise ConnectionError(
            f"The chief does not answer. Received: {error.code()} from "
            f"{address()}"
        ) from error
    if not (folder / SEARCH).exists():
        raise FileNotFoundError(
            "The folder must be on a disk that the chief shares. "
            f"Received: {str(folder)!r}, without {SEARCH}"
        )
    check_folder(folder, search, overwrite=False)
