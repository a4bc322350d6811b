"""What every layout is read as: interactions, items and vectors, each a stream."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from brmrs_graph.data.raw.catalogue import IMAGES, Catalogue
from brmrs_graph.data.raw.pairs import VALUES, Pairs
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.vectors import ArrayRows, Vectors

CHUNK = 250_000
"""Most interactions in memory at once."""

_SPARSEST = 20  # numbers for each item with interactions, beyond which they are taken for names
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


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

    @property
    def pictured(self) -> bool:
        """Whether any item may have a picture."""
        named = any(catalogue.pictures for catalogue in self.catalogues)
        return named or any(True for _ in (self.folder / IMAGES).rglob("*"))

    def interactions(
        self, report: Report, size: int = CHUNK, needed: Collection[str] = tuple(VALUES)
    ) -> Iterator[pd.DataFrame]:
        """Interactions in the order of the files, in chunks.

        Args:
            report: Where broken records are counted.
            size: Rows of a chunk at most.
            needed: Which of ``rating`` and ``timestamp`` matter: values of the others that cannot be read become NaN,
                if it was a guess that their column holds them.

        Returns:
            Tables of ``user`` and ``item`` (str), ``rating`` and ``timestamp`` in seconds (float64, NaN where there
            is none) and, where the source brings a split along, ``x_label`` (0 train, 1 valid, 2 test). Repeated
            pairs are not left out.

        Raises:
            DataError: While reading, if a file is mostly broken, damaged or cut off.
        """
        for pairs in self.pairs:
            yield from pairs.read(report, size, needed)

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

    def numbered(self, seen: Collection[str]) -> list[str]:
        """Items that no table lists, but that are known by their numbers from 0: one for each row of the arrays.

        Without arrays they end with the largest number, as in MMRec. Where items are not counted in this way, as ids
        that are names or far apart, there are none.

        Args:
            seen: Items with interactions.

        Raises:
            DataError: If an array cannot be read.
        """
        if not self.complete or self.catalogues or not all(map(_NUMBER.fullmatch, seen)):
            return []
        rows = [vectors.count() for vectors in self.vectors.values() if isinstance(vectors, ArrayRows)]
        count = max(rows, default=1 + max(map(int, seen), default=-1))
        return [str(number) for number in range(count)] if rows or count <= _SPARSEST * len(seen) + 1000 else []
