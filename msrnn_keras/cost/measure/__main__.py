"""The worker process that measures one task; see `processes.run_task`."""

from msrnn_keras.cost.measure.processes import answer

if __name__ == "__main__":
    answer()
