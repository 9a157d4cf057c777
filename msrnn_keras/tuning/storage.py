"""KerasTuner's files of a search, written whole or not at all."""

import json
import pathlib

from msrnn_keras.utils.files import write_atomically


def write_state(path, state):
    """Write the state of a part of a search as JSON."""
    text = json.dumps(state)
    write_atomically(path, lambda to: to.write_text(text, encoding="utf-8"))
    return text


class WholeFiles:
    """Writes whole files; mixed into a tuner of KerasTuner.

    A kill between two of them leaves a trial that has begun or ended without
    the oracle's knowledge. The first is dropped, the second runs again.
    """

    def save(self):
        """Save the tuner and, unless this is a worker, its oracle."""
        if self.leads:
            self.oracle.save()
        write_state(self._get_tuner_fname(), self.get_state())

    def write_whole_files(self):
        """Let the oracle write whole files; drop trials it does not know."""
        oracle = self.oracle
        folder = pathlib.Path(self.project_dir)

        def save():
            write_state(folder / "oracle.json", oracle.get_state())

        def save_trial(trial):
            path = folder / f"trial_{trial.trial_id}"
            path.mkdir(parents=True, exist_ok=True)
            write_state(path / "trial.json", trial.get_state())

        oracle.save, oracle._save_trial = save, save_trial
        for name in set(oracle.trials) - set(oracle.start_order):
            del oracle.trials[name]
