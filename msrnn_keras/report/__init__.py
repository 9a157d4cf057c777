"""Reports of an evaluation as one self-contained HTML file."""

from msrnn_keras.report.ensemble import ensemble_section
from msrnn_keras.report.evaluation import describe_machine, evaluation_report
from msrnn_keras.report.page import write_report

__all__ = [
    "describe_machine",
    "ensemble_section",
    "evaluation_report",
    "write_report",
]
