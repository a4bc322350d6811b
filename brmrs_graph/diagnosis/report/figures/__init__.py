"""Figures of a diagnosis: one function each, from the content of ``diagnosis.json`` to a matplotlib figure.

They show one to eight models and any number of modalities. What was not measured is written out as such.
"""

from brmrs_graph.diagnosis.report.figures.content import complementarity, margins
from brmrs_graph.diagnosis.report.figures.groups import degree, types
from brmrs_graph.diagnosis.report.figures.information import information
from brmrs_graph.diagnosis.report.figures.ranking import degeneration, partition, recall

__all__ = ["complementarity", "degeneration", "degree", "information", "margins", "partition", "recall", "types"]
