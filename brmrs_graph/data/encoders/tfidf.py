"""Texts to vectors without a network: TF-IDF of words and pairs of words, reduced by a singular value decomposition."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from brmrs_graph.data.encoders.base import FloatArray, Progress, joint_sha256
from brmrs_graph.errors import DataError

_VERSION = "tfidf-1"
# Scripts that write no spaces between words: every sign of theirs counts as a word.
_SIGNS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SIGNS}]|[^\W_{_SIGNS}]+")
_NO_DIRECTION = 1e-6  # singular values below this share of the largest are those of rounding errors


class TfidfEncoder:
    r"""Latent semantic analysis (Deerwester et al. 1990) of the texts that it is fitted to.

    A text counts how often it has each word and each pair of neighbouring words, as :math:`1 + \ln c`, times
    :math:`1 + \ln\frac{1 + n}{1 + n_t}` for a term that :math:`n_t` of the :math:`n` texts have; scaled to unit
    length, projected on the leading right singular vectors of all texts, and scaled to unit length again. A text that
    shares no term with the fit becomes a row of zeros, as if it were missing.

    The vectors depend on *all* texts: one item more changes the terms, their weights and the directions, and vectors
    of two fits cannot be compared. So they are not cached one by one, which would save nothing, since the fit is the
    work. ``fit`` gives an encoder whose fingerprint covers the texts.

    Args:
        dim: Most dimensions; fewer come out where the texts span fewer. Default: 256.
        min_texts: Terms of fewer texts are left out. Default: 2.
        max_terms: Most terms, those of the most texts. Default: 50,000.
        corpus: The texts it is fitted to, in any order. Default: none yet.
    """

    name = "tfidf"

    def __init__(
        self, dim: int = 256, *, min_texts: int = 2, max_terms: int = 50_000, corpus: Iterable[str] = ()
    ) -> None:
        self.max_dim = dim
        self.min_texts = min_texts
        self.max_terms = max_terms
        self.corpus = sorted(corpus)

    def fit(self, inputs: Sequence[str]) -> TfidfEncoder:
        """The encoder that these texts define; the work is done when it is first needed."""
        return TfidfEncoder(self.max_dim, min_texts=self.min_texts, max_terms=self.max_terms, corpus=inputs)

    @property
    def dim(self) -> int:
        """Length of one vector."""
        return int(self._space.directions.shape[1])

    @property
    def energy(self) -> float:
        """Share of the texts' energy (squared length of the TF-IDF vectors) that the directions keep, in [0, 1]."""
        return self._space.energy

    def fingerprint(self) -> str:
        """Identify the texts and the settings; see ``Encoder.fingerprint``."""
        texts = hashlib.sha256()
        for text in self.corpus:
            texts.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        settings = f"{self.max_dim} {self.min_texts} {self.max_terms}"
        return joint_sha256(_VERSION, settings, unicodedata.unidata_version, texts.hexdigest())

    def encode(self, inputs: Sequence[str], progress: Progress | None = None) -> FloatArray:
        """Encode texts.

        Args:
            inputs: ``n`` texts.
            progress: Told that all are finished.

        Returns:
            Vectors of shape ``[n, dim]``, of length 1 or 0.

        Raises:
            DataError: If the encoder is not fitted, or its texts share no terms.
        """
        space = self._space
        vectors: NDArray[np.float64] = space.weights(inputs) @ space.directions
        if progress is not None:
            progress(len(inputs))
        return _unit_rows(vectors).astype(np.float32)

    @cached_property
    def _space(self) -> _Space:
        if not self.corpus:
            raise DataError(
                "the encoder 'tfidf' is not fitted: its vectors depend on all texts, so call fit(texts) first"
            )
        return _Space.of(self.corpus, self.max_dim, self.min_texts, self.max_terms)


@dataclass(frozen=True)
class _Space:
    """What a fit found.

    Args:
        words: Word -> number.
        terms: Keys of the terms, ascending, shape ``[T]``; see ``_occurrences``.
        idf: Their weights, shape ``[T]``.
        directions: Right singular vectors, shape ``[T, dim]``.
        energy: Share of the energy that they keep.
    """

    words: Mapping[str, int]
    terms: NDArray[np.int64]
    idf: NDArray[np.float64]
    directions: NDArray[np.float64]
    energy: float

    @classmethod
    def of(cls, texts: Sequence[str], dim: int, min_texts: int, max_terms: int) -> _Space:
        # Words are numbered in the order of the alphabet, so that the order of the texts does not matter.
        words = {word: number for number, word in enumerate(sorted({word for text in texts for word in _words(text)}))}
        owners, keys = _occurrences(texts, words)
        terms, columns = np.unique(keys, return_inverse=True)
        counts = sp.csr_matrix((np.ones(len(keys)), (owners, columns)), shape=(len(texts), len(terms)))
        counts.sum_duplicates()
        having = np.bincount(counts.indices, minlength=len(terms))
        often = np.flatnonzero(having >= min_texts)
        often = np.sort(often[np.argsort(-having[often], kind="stable")[:max_terms]])
        if not len(often):
            raise DataError(
                f"the encoder 'tfidf' found no word that {min_texts} of the {len(texts):,} texts share; use "
                "another text encoder, such as minilm"
            )
        space = cls(words, terms[often], np.log((1 + len(texts)) / (1 + having[often])) + 1, np.empty((0, 0)), 0.0)
        weights = space.weights(texts)
        values, directions = _leading(weights, dim)
        total = float(weights.power(2).sum())
        return cls(words, space.terms, space.idf, directions, min(1.0, float(np.square(values).sum()) / total))

    def weights(self, texts: Sequence[str]) -> sp.csr_matrix:
        """TF-IDF of texts, shape ``[n, T]``, rows of unit length or empty."""
        owners, keys = _occurrences(texts, self.words)
        columns = np.minimum(np.searchsorted(self.terms, keys), len(self.terms) - 1)
        known = self.terms[columns] == keys
        owners, columns = owners[known], columns[known]
        counts = sp.csr_matrix((np.ones(len(owners)), (owners, columns)), shape=(len(texts), len(self.terms)))
        counts.sum_duplicates()
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        length = np.sqrt(np.asarray(counts.power(2).sum(axis=1)).ravel())
        counts.data /= np.repeat(length, np.diff(counts.indptr))
        return counts


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _occurrences(texts: Sequence[str], words: Mapping[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every occurrence of a term: the text, and the term's key.

    The key of a word is its number w, that of the neighbours v and w is (V + 1) (v + 1) + w, with V words in all.
    Words that are not known are left out, and their pairs.
    """
    numbers, lengths = array("q"), array("q")
    for text in texts:
        found = _words(text)
        numbers.extend(words.get(word, -1) for word in found)
        lengths.append(len(found))
    word = np.array(numbers, dtype=np.int64)
    owner = np.repeat(np.arange(len(texts)), np.array(lengths, dtype=np.int64))
    neighbours = (owner[1:] == owner[:-1]) & (word[1:] >= 0) & (word[:-1] >= 0)
    pairs = (len(words) + 1) * (word[:-1][neighbours] + 1) + word[1:][neighbours]
    known = word >= 0
    return np.concatenate([owner[known], owner[1:][neighbours]]), np.concatenate([word[known], pairs])


def _leading(x: sp.csr_matrix, dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest singular values and their right singular vectors, whose largest entries are positive.

    Returns:
        Shapes ``[k]``, descending, and ``[T, k]``, with k at most ``dim`` and the rank.
    """
    if dim < min(x.shape):
        start = np.random.default_rng(0).normal(size=min(x.shape))  # chosen at random if it is not given
        # This tolerance changes no cosine by as much as a float32 can hold, and saves a third of the time.
        _, values, rows = svds(x, k=dim, v0=start, tol=1e-3, return_singular_vectors="vh")
        order = np.argsort(-values, kind="stable")
        values, rows = values[order], rows[order]
    else:
        _, values, rows = np.linalg.svd(x.toarray(), full_matrices=False)
    rows = rows[values > _NO_DIRECTION * values[0]]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1, keepdims=True), axis=1)
    return values[: len(rows)], np.ascontiguousarray((rows * np.sign(largest)).T)


def _unit_rows(x: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(x, axis=1, keepdims=True)
    # Below this, the text lies in what the directions leave out, and its direction would be that of rounding errors.
    return np.divide(x, length, out=np.zeros_like(x), where=length > _NO_DIRECTION)
