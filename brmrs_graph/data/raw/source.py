"""What every layout is read as: interactions, items and vectors, each a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from brmrs_graph.data.raw.catalogue import Catalogue
from brmrs_graph.data.raw.pairs import Pairs
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.vectors import Vectors

CHUNK = 250_000
"""Most interactions in memory at once."""


@dataclass(frozen=True)
class Source:
    """A raw data set, recognised but not yet read. Ids are strings all along, leading zeros included.

    Attributes:
        layout: Name of the layout.
        folder: Where it lies.
        pairs: Tables of interactions.
        catalogues: Tables of items; there may be none.
        vectors: Modality -> vectors that come with the data.
        remarks: What was guessed, one sentence each.
        complete: Whether items are counted by the rows of a catalogue or of arrays, with or without interactions; a
            catalogue of all that is sold is not meant by it.
    """

    layout: str
    folder: Path
    pairs: tuple[Pairs, ...]
    catalogues: tuple[Catalogue, ...] = ()
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    complete: bool = False

    @property
    def split(self) -> bool:
        """Whether it says which interactions are for validation and for test."""
        return all(pairs.label or pairs.split is not None for pairs in self.pairs)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read, but for pictures."""
        paths = [pairs.table.path for pairs in self.pairs]
        paths += [catalogue.table.path for catalogue in self.catalogues]
        paths += [vectors.path for vectors in self.vectors.values()]
        return tuple(dict.fromkeys(paths))

    @property
    def text_fields(self) -> tuple[str, ...]:
        """Names of the text columns that :meth:`items` gives."""
        return tuple(dict.fromkeys(name for catalogue in self.catalogues for name in catalogue.texts))

    def interactions(self, report: Report, size: int = CHUNK) -> Iterator[pd.DataFrame]:
        """Interactions in the order of the files, in chunks.

        Args:
            report: Where broken records are counted.
            size: Rows of a chunk at most.

        Returns:
            Tables of ``user`` and ``item`` (str), ``rating`` and ``timestamp`` in seconds (float64, NaN where there
            is none) and, where the source brings a split along, ``x_label`` (0 train, 1 valid, 2 test). Repeated
            pairs are not left out.

        Raises:
            DataError: While reading, if a file is mostly broken, damaged or cut off.
        """
        for pairs in self.pairs:
            yield from pairs.read(report, size)

    def items(self, report: Report, size: int = CHUNK) -> Iterator[pd.DataFrame]:
        """Items in the order of the files, in chunks; nothing where the source has no table of items.

        Args:
            report: Where broken records, repeated items and unusable pictures are counted.
            size: Rows of a chunk at most.

        Returns:
            Tables of ``item``, the text fields by name, and ``picture``: a path inside the folder, an http(s) address,
            or nothing (all str). Of several rows of an item the first one comes.

        Raises:
            DataError: While reading, if a file is mostly broken, damaged or cut off.
        """
        seen: set[str] = set()
        for catalogue in self.catalogues:
            yield from catalogue.read(report, size, seen)
