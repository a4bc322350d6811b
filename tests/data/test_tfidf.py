import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.data.encoders import CorpusEncoder, TfidfEncoder, encode_items, text_encoder
from brmrs_graph.errors import DataError

WORDS = ("blue", "red", "silk", "wool", "dress", "coat", "long", "short")
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), min_size=2, max_size=25)


def random_texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(n)]


def dense_tfidf(texts: Sequence[str], min_texts: int = 2) -> np.ndarray:
    """The formula, term by term."""
    bags = []
    for text in texts:
        words = text.split()
        bags.append(Counter([*words, *pairwise(words)]))
    having = Counter(term for bag in bags for term in bag)
    terms = [term for term, count in having.items() if count >= min_texts]
    x = np.zeros((len(texts), len(terms)))
    for row, bag in enumerate(bags):
        for column, term in enumerate(terms):
            if bag[term]:
                x[row, column] = (1 + np.log(bag[term])) * (1 + np.log((1 + len(texts)) / (1 + having[term])))
        x[row] /= max(np.linalg.norm(x[row]), 1e-12)
    return x


def projected(x: np.ndarray, dim: int) -> np.ndarray:
    """Unit rows of the projection on the leading directions."""
    left, values, _ = np.linalg.svd(x, full_matrices=False)
    z = left[:, :dim] * values[:dim]
    length = np.linalg.norm(z, axis=1, keepdims=True)
    return np.divide(z, length, out=np.zeros_like(z), where=length > 1e-6)


@pytest.mark.parametrize("dim", [5, 20, 400])
def test_cosines_are_those_of_the_formula(dim: int) -> None:
    texts = random_texts(60)
    encoder = TfidfEncoder(dim).fit(texts)
    vectors, expected = encoder.encode(texts), projected(dense_tfidf(texts), dim)
    assert vectors.dtype == np.float32 and vectors.shape == (60, encoder.dim) and encoder.dim <= dim
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-5)
    values = np.linalg.svd(dense_tfidf(texts), compute_uv=False) ** 2
    assert encoder.energy == pytest.approx(values[:dim].sum() / values.sum())


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_with_all_directions_nothing_is_lost(texts: list[str]) -> None:
    x = dense_tfidf(texts)
    if not x.any():
        with pytest.raises(DataError, match="no word that 2 of the"):
            TfidfEncoder().fit(texts).encode(texts)
        return
    vectors = TfidfEncoder().fit(texts).encode(texts)
    np.testing.assert_allclose(vectors @ vectors.T, x @ x.T, atol=1e-5)
    assert vectors.any(axis=0).all()  # no column is empty


def test_the_vectors_are_the_same_each_time_and_in_any_order() -> None:
    texts = random_texts(80)
    vectors = TfidfEncoder(12).fit(texts).encode(texts)
    np.testing.assert_array_equal(TfidfEncoder(12).fit(texts).encode(texts), vectors)
    np.testing.assert_array_equal(TfidfEncoder(12).fit(texts[::-1]).encode(texts), vectors)
    encoder = TfidfEncoder(12).fit(texts)
    np.testing.assert_array_equal(np.vstack([encoder.encode([text]) for text in texts]), vectors)


def test_signs_are_fixed() -> None:
    directions = TfidfEncoder(12).fit(random_texts(80))._space.directions
    assert (np.take_along_axis(directions, np.abs(directions).argmax(axis=0)[None], axis=0) > 0).all()


def test_the_fingerprint_covers_texts_and_settings_but_not_their_order() -> None:
    texts = random_texts(5)
    same = TfidfEncoder().fit(texts)
    others = [
        TfidfEncoder().fit([*texts, "one item more"]),
        TfidfEncoder().fit([*texts, texts[0]]),
        TfidfEncoder().fit([*texts[:-1], texts[-1] + "!"]),
        TfidfEncoder(99).fit(texts),
        TfidfEncoder(min_texts=1).fit(texts),
        TfidfEncoder(max_terms=9).fit(texts),
    ]
    assert TfidfEncoder().fit(texts[::-1]).fingerprint() == same.fingerprint()
    assert len({encoder.fingerprint() for encoder in [same, *others]}) == 7
    assert re.fullmatch("[0-9a-f]{64}", same.fingerprint())


def test_words_are_found_in_any_script() -> None:
    texts = [
        "Größe",
        "GRÖSSE",
        "ﬁne",
        "fine",
        "snow_white 7",
        "snow white 7",
        "赤いドレス",
        "赤い靴",
        "unrelated words",
    ]
    vectors = TfidfEncoder().fit(texts).encode(texts)
    cosines = vectors @ vectors.T
    for same in (0, 2, 4):
        assert cosines[same, same + 1] == pytest.approx(1)
    assert cosines[6, 7] > 0.5 and abs(cosines[0, 6]) < 1e-6


def test_a_text_without_known_terms_is_a_row_of_zeros() -> None:
    encoder = TfidfEncoder(3).fit(random_texts(30))
    vectors = encoder.encode(["", "nothing known here", "silk", "silk unheard-of"])
    np.testing.assert_array_equal(vectors.any(axis=1), [False, False, True, True])
    np.testing.assert_array_equal(vectors[2], vectors[3])
    np.testing.assert_array_equal(*encoder.encode(["silk wool", "unheard-of silk wool"]))
    np.testing.assert_allclose(np.linalg.norm(vectors[2:], axis=1), 1, rtol=1e-6)


def test_only_the_most_frequent_terms_are_kept() -> None:
    texts = ["a b", "a c", "a b", "a c d", "d"]
    encoder = TfidfEncoder(max_terms=1).fit(texts)
    assert encoder.dim == 1
    np.testing.assert_array_equal(encoder.encode(["a", "b", "c"]), [[1], [0], [0]])


def test_it_has_to_be_fitted() -> None:
    encoder = text_encoder("tfidf")
    assert isinstance(encoder, CorpusEncoder) and not isinstance(text_encoder("minilm"), CorpusEncoder)
    with pytest.raises(DataError, match="not fitted"):
        encoder.encode(["a"])


def test_encode_items_fits_to_the_items_that_have_a_text(tmp_path: Path) -> None:
    texts = random_texts(30)
    rows = [f"i{row},{text}" for row, text in enumerate(texts)]
    (tmp_path / "items.csv").write_text("\n".join(["itemID,text", *rows, "empty,"]))
    names = [*(f"i{row}" for row in range(30)), "empty", "absent"]
    vectors = encode_items(tmp_path, names, text_encoder="tfidf", cache_dir=tmp_path / "cache")["textual"].vectors
    sentences = [f"{text}." for text in texts]
    np.testing.assert_array_equal(vectors[:30], TfidfEncoder().fit(sentences).encode(sentences))
    assert not vectors[30:].any()
    assert not (tmp_path / "cache").exists()  # equal texts have other vectors in another corpus
    part = encode_items(tmp_path, names[:10], text_encoder="tfidf", cache_dir=tmp_path / "cache")["textual"].vectors
    np.testing.assert_array_equal(part, TfidfEncoder().fit(sentences[:10]).encode(sentences[:10]))
