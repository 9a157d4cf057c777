"""Measures one task in this process; `processes.run_task` starts it."""

from msrnn_keras.profiling.processes import answer

if __name__ == "__main__":
    answer()
