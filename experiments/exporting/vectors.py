"""The vectors of every branch in the formats that other programs read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from brmrs_graph.errors import DataError
from brmrs_graph.serving import TrainedModel
from experiments.exporting.base import ExportOptions, VectorExport

NUMBER = "%.9g"
"""Nine digits give a float32 back in every bit."""


class Embeddings(VectorExport):
    """``embeddings/BRANCH.users.parquet`` and ``….items.parquet``: the id, and the vector as a list of numbers."""

    def write(self, folder: Path) -> None:
        """Writes two files for each branch."""
        (folder / "embeddings").mkdir()
        for table in self.tables():
            dim = table.vectors.shape[1]
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(table.vectors.reshape(-1)), dim)
            columns = {f"{table.side[:-1]}_id": pa.array(table.ids, pa.string()), "vector": vectors}
            pa.parquet.write_table(pa.table(columns), folder / "embeddings" / f"{table.name}.parquet")


class Word2Vec(VectorExport):
    """``word2vec/BRANCH.users.txt`` and ``….items.txt`` in the text format of word2vec, as gensim and others read it.

    Raises:
        DataError: If ids hold white space, which separates the numbers there.
    """

    def __init__(self, model: TrainedModel, options: ExportOptions) -> None:
        super().__init__(model, options)
        _refuse(model, r"\s", "white space, which the format word2vec takes for the end of the id")

    def write(self, folder: Path) -> None:
        """Writes two files for each branch."""
        (folder / "word2vec").mkdir()
        for table in self.tables():
            with (folder / "word2vec" / f"{table.name}.txt").open("w", encoding="utf-8", newline="\n") as file:
                file.write(f"{len(table.ids)} {table.vectors.shape[1]}\n")
                rows = zip(table.ids, table.vectors, strict=True)
                file.writelines(f"{name} {_numbers(x, ' ')}\n" for name, x in rows)


class Projector(VectorExport):
    """``projector/BRANCH.SIDE.vectors.tsv`` and ``….metadata.tsv``, for the embedding projector of TensorBoard.

    Metadata are the ids, and beside them the texts of items, where there are any, on one line each.

    Raises:
        DataError: If ids hold tabs or line breaks, which end a field there.
    """

    def __init__(self, model: TrainedModel, options: ExportOptions) -> None:
        super().__init__(model, options)
        _refuse(model, "[\t\r\n]", "tabs or line breaks, which end a field in the files of the projector")

    def write(self, folder: Path) -> None:
        """Writes four files for each branch."""
        (folder / "projector").mkdir()
        for table in self.tables():
            start = folder / "projector" / table.name
            with Path(f"{start}.vectors.tsv").open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{_numbers(x, chr(9))}\n" for x in table.vectors)
            with Path(f"{start}.metadata.tsv").open("w", encoding="utf-8", newline="\n") as file:
                if table.texts is None:  # the projector wants no header over a single column, and one over several
                    file.writelines(f"{name}\n" for name in table.ids)
                else:
                    file.write("id\ttext\n")
                    texts = (" ".join((text or "").split()) for text in table.texts)
                    file.writelines(f"{name}\t{text}\n" for name, text in zip(table.ids, texts, strict=True))


def _numbers(x: NDArray[np.float32], separator: str) -> str:
    return separator.join(NUMBER % value for value in x.tolist())


def _refuse(model: TrainedModel, pattern: str, what: str) -> None:
    for kind, ids in (("user", model.user_ids), ("item", model.item_ids)):
        wrong = [name for name in ids if re.search(pattern, name)]
        if wrong:
            raise DataError(
                f"{len(wrong):,} {kind} ids hold {what} (the first is {wrong[0][:40]!r}); export the vectors by --what "
                "embeddings, which takes any id"
            )
