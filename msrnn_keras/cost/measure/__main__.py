"""Measures one task in this process; `processes.run_task` starts it."""

from msrnn_keras.cost.measure.processes import answer

if __name__ == "__main__":
    answer()
