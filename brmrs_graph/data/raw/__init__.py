"""Readers of raw data sets: every layout becomes the same streams of interactions, items and vectors.

``open_source(folder)`` recognises the layout and gives a :class:`Source`; its streams are read chunk by chunk and tell
a :class:`Report` what they leave out.
"""

from brmrs_graph.data.raw.columns import Columns
from brmrs_graph.data.raw.layouts import LAYOUTS, open_source
from brmrs_graph.data.raw.report import Report, Skipped
from brmrs_graph.data.raw.source import CHUNK, Source
from brmrs_graph.data.raw.vectors import ArrayRows, ImageFeatures, Vectors

__all__ = [
    "CHUNK",
    "LAYOUTS",
    "ArrayRows",
    "Columns",
    "ImageFeatures",
    "Report",
    "Skipped",
    "Source",
    "Vectors",
    "open_source",
]
