"""The forms in which ``experiments.export`` writes a trained model, by the names of ``--what``."""

from collections.abc import Mapping

from experiments.exporting.base import Export, ExportOptions
from experiments.exporting.faiss_index import FaissIndex
from experiments.exporting.lists import Lists
from experiments.exporting.scorer import Scorer
from experiments.exporting.vectors import Embeddings, Projector, Word2Vec

FORMS: Mapping[str, type[Export]] = {
    "lists": Lists,
    "embeddings": Embeddings,
    "word2vec": Word2Vec,
    "projector": Projector,
    "faiss": FaissIndex,
    "scorer": Scorer,
}

__all__ = ["FORMS", "Export", "ExportOptions"]
