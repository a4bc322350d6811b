"""Plain-language readings: pure functions from a diagnosis to sentences.

They say what a number means and whether its interval leaves the matter open; they never claim a difference whose
interval contains zero, nor one between two values whose intervals overlap. All are about the first model.
"""

from brmrs_graph.diagnosis.report.readings.content import complementarity, margins
from brmrs_graph.diagnosis.report.readings.information import degree, differences, information, types
from brmrs_graph.diagnosis.report.readings.rankings import answer, degeneration, partition, recall

__all__ = [
    "answer",
    "complementarity",
    "degeneration",
    "degree",
    "differences",
    "information",
    "margins",
    "partition",
    "recall",
    "types",
]
