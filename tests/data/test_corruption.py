from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.data import Corruption, MultimodalDataset, corrupt
from brmrs_graph.data.corruption import KINDS, MARKETING, marketing_filler, unrelated_filler
from brmrs_graph.data.encoders import Progress
from brmrs_graph.errors import ConfigError, DataError
from tests.conftest import MakeData

FEATURE_KINDS = ("swapped", "blanked", "filler")


@pytest.fixture(scope="module")
def shop(make_data: MakeData) -> MultimodalDataset:
    data = make_data(("visual", "textual", "tags"), num_items=40, missing=0.2)
    lacking = data.missing["textual"].tolist()
    texts = ["" if lacks else f"text {item}" for item, lacks in enumerate(lacking)]
    return replace(data, texts=texts, pictures=[Path(f"{item}.png") for item in range(40)])


def hit(before: MultimodalDataset, after: MultimodalDataset, modality: str = "textual") -> set[int]:
    """Items whose features are not what they were."""
    different = (before.features[modality] != after.features[modality]).any(dim=1)
    return set(different.nonzero().squeeze(1).tolist())


# --- what is hit


@pytest.mark.parametrize("kind", FEATURE_KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_the_share_is_that_of_the_items_that_have_the_modality(
    shop: MultimodalDataset, kind: str, share: float
) -> None:
    items = hit(shop, corrupt(shop, "textual", share, kind))
    present = (~shop.missing["textual"]).nonzero().squeeze(1).tolist()
    assert len(items) == round(share * len(present))
    assert items <= set(present)


@pytest.mark.parametrize("kind", FEATURE_KINDS)
@settings(deadline=None, max_examples=30)
@given(shares=st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)), seed=st.integers(0, 100))
def test_a_small_share_is_a_part_of_a_larger_one(
    shop: MultimodalDataset, kind: str, shares: tuple[float, float], seed: int
) -> None:
    small, large = (hit(shop, corrupt(shop, "textual", share, kind, seed=seed)) for share in sorted(shares))
    assert small <= large


def test_all_kinds_hit_the_same_items_other_seeds_and_modalities_others(shop: MultimodalDataset) -> None:
    sets = [hit(shop, corrupt(shop, "textual", 0.5, kind)) for kind in FEATURE_KINDS]
    assert sets[0] == sets[1] == sets[2]
    assert hit(shop, corrupt(shop, "textual", 0.5, "blanked", seed=1)) != sets[0]
    full = replace(shop, missing={name: torch.zeros(40, dtype=torch.bool) for name in shop.modalities})
    by_modality = [hit(full, corrupt(full, name, 0.5, "swapped"), name) for name in ("visual", "textual")]
    assert by_modality[0] != by_modality[1]


@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_nothing_else_changes(shop: MultimodalDataset, kind: str) -> None:
    kept = {name: x.clone() for name, x in shop.features.items()}
    after = corrupt(shop, "textual", 0.5, kind)
    for name in ("visual", "tags"):
        assert after.features[name] is shop.features[name] and after.missing[name] is shop.missing[name]
    assert (after.train != shop.train).nnz == 0 and after.modalities == shop.modalities
    assert all(torch.equal(shop.features[name], kept[name]) for name in kept), "the given data set was changed"


@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_the_data_set_says_what_was_done_and_has_another_hash(shop: MultimodalDataset, kind: str) -> None:
    hashes = {corrupt(shop, "textual", share, kind).content_hash for share in (0, 0.25, 0.5)}
    assert len(hashes) == 3 and shop.content_hash in hashes
    after = corrupt(shop, "textual", 0.25, kind)
    assert after.notes == (
        *shop.notes,
        f"textual content of 8 of 32 items was corrupted on purpose: {KINDS[kind]}",
    )
    assert after.content_hash == corrupt(shop, "textual", 0.25, kind).content_hash


def test_a_share_of_zero_is_the_data_set_as_it_is(shop: MultimodalDataset) -> None:
    assert corrupt(shop, "textual", 0, "swapped") is shop
    assert Corruption("textual", "marketing", 0).apply(shop) is shop


# --- the kinds


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_swapped_items_carry_each_others_content_and_none_its_own(shop: MultimodalDataset, share: float) -> None:
    after = corrupt(shop, "textual", share, "swapped")
    items = sorted(hit(shop, after))  # every row is different, so none has kept its own
    rows = [{tuple(row) for row in data.features["textual"][items].tolist()} for data in (shop, after)]
    assert rows[0] == rows[1] and len(rows[0]) == len(items)
    assert torch.equal(after.missing["textual"], shop.missing["textual"])


def test_a_larger_share_leaves_all_but_one_of_the_smaller_ones_swaps(shop: MultimodalDataset) -> None:
    small, large = (corrupt(shop, "textual", share, "swapped") for share in (0.25, 0.75))
    items = list(hit(shop, small))
    differ = (small.features["textual"][items] != large.features["textual"][items]).any(dim=1)
    assert int(differ.sum()) == 1


def test_blanked_items_lack_the_modality(shop: MultimodalDataset) -> None:
    after = corrupt(shop, "textual", 0.5, "blanked")
    items = list(hit(shop, after))
    assert not after.features["textual"][items].any()
    gone = after.missing["textual"] & ~shop.missing["textual"]
    assert gone.nonzero().squeeze(1).tolist() == sorted(items)
    assert bool(after.missing["textual"][shop.missing["textual"]].all())


def test_filler_items_carry_the_same_few_vectors(shop: MultimodalDataset) -> None:
    filler = torch.tensor([[1.0] * 6, [2.0] * 6, [3.0] * 6])
    after = corrupt(shop, "textual", 0.5, "filler", filler=filler)
    rows = after.features["textual"][list(hit(shop, after))]
    found, count = rows.unique(dim=0, return_counts=True)
    assert torch.equal(found, filler)
    assert int(count.max() - count.min()) <= 1
    assert torch.equal(after.missing["textual"], shop.missing["textual"])
    made_up = corrupt(shop, "textual", 0.5, "filler")
    assert made_up.features["textual"][list(hit(shop, made_up))].unique(dim=0).size(0) == 5


def test_made_up_filler_is_as_long_as_content_and_unlike_it() -> None:
    x = torch.randn(500, 200, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.1, 3, 200) + 2
    filler = unrelated_filler(x)
    torch.testing.assert_close(filler.norm(dim=1), x.norm(dim=1).mean().expand(5))
    centre = torch.nn.functional.normalize(x.mean(dim=0), dim=0)
    assert float((torch.nn.functional.normalize(x, dim=1) @ centre).min()) > 0.5
    assert float((torch.nn.functional.normalize(filler, dim=1) @ centre).abs().max()) < 0.25
    assert float(filler[:, :50].std() / filler[:, -50:].std()) < 0.5, "columns keep their deviations"


def test_texts_and_pictures_follow_their_features(shop: MultimodalDataset) -> None:
    assert shop.texts is not None and shop.pictures is not None
    swapped = corrupt(shop, "textual", 0.5, "swapped")
    assert swapped.pictures is shop.pictures and swapped.texts is not None
    for row, text in zip(swapped.features["textual"], swapped.texts, strict=True):
        if text:  # the text is that of the item whose features these were
            assert torch.equal(row, shop.features["textual"][int(text.split()[1])])
    for kind in ("blanked", "filler"):
        after = corrupt(shop, "visual", 0.5, kind)
        assert after.texts is shop.texts and after.pictures is not None
        without = {item for item, picture in enumerate(after.pictures) if picture is None}
        assert without == hit(shop, after, "visual")


@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_data_without_texts_and_pictures_are_corrupted_as_well(toy: MultimodalDataset, kind: str) -> None:
    after = corrupt(toy, "visual", 0.5, kind)
    assert after.pictures is None and len(hit(toy, after, "visual")) == 9


# --- marketing sentences


class Lengths:
    """Encodes a text by how often it has each of six letters."""

    name, dim = "letters", 6

    def fingerprint(self) -> str:
        return "0" * 64

    def encode(self, inputs: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        return np.array([[text.count(letter) for letter in "aeitx "] for text in inputs], dtype=np.float32)


def test_marketing_sentences_are_encoded_by_the_encoder_of_the_features(shop: MultimodalDataset) -> None:
    assert shop.texts is not None
    x = torch.from_numpy(Lengths().encode(shop.texts)) * ~shop.missing["textual"].unsqueeze(1)
    data = replace(shop, features=shop.features | {"textual": x})
    after = Corruption("textual", "marketing", 1).apply(data, Lengths())
    rows = {tuple(row) for row in after.features["textual"][~shop.missing["textual"]].tolist()}
    assert rows == {tuple(row) for row in Lengths().encode(MARKETING).tolist()}


def test_features_of_another_encoder_are_refused(shop: MultimodalDataset) -> None:
    with pytest.raises(DataError, match=r"were not made from its texts by the encoder 'letters'.*kind 'filler'"):
        marketing_filler(shop, "textual", Lengths())
    with pytest.raises(DataError, match="were not made from its texts"):
        marketing_filler(shop, "visual", Lengths())  # another width


def test_marketing_without_texts_is_refused(shop: MultimodalDataset, toy: MultimodalDataset) -> None:
    for data in (toy, replace(shop, texts=[""] * 40)):
        with pytest.raises(DataError, match=r"marketing sentences need texts.*kind 'filler'"):
            corrupt(data, "textual", 0.5, "marketing")


# --- bad input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("textual", "write MODALITY:KIND:SHARE, such as textual:swapped:0.4"),
        ("textual:swapped:much", "corrupt is 'textual:swapped:much'; write MODALITY"),
        ("textual:burnt:0.4", "'burnt' is unknown; choose one of swapped, blanked, filler, marketing"),
        ("textual:swapped:1.5", "share to be corrupted is 1.5; it must lie between 0 and 1"),
        ("textual:swapped:nan", "share to be corrupted is nan"),
    ],
)
def test_a_wrong_description_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Corruption.parse(text)


def test_a_description_is_read_and_written() -> None:
    corruption = Corruption.parse("bag:of:words:filler:0.25")
    assert corruption == Corruption("bag:of:words", "filler", 0.25)
    assert Corruption.parse(str(corruption)) == corruption


def test_applying_is_corrupting(shop: MultimodalDataset) -> None:
    for kind in FEATURE_KINDS:
        applied = Corruption.parse(f"visual:{kind}:0.5").apply(shop)
        assert applied.content_hash == corrupt(shop, "visual", 0.5, kind).content_hash


@pytest.mark.parametrize(("kind", "share", "count"), [("swapped", 0.03, 1), ("filler", 0.01, 0)])
def test_a_share_that_is_too_small_is_refused(shop: MultimodalDataset, kind: str, share: float, count: int) -> None:
    with pytest.raises(ConfigError, match=f"{count} of the 32 items with textual content, too few to be {kind}"):
        corrupt(shop, "textual", share, kind)


def test_a_modality_that_is_not_there_is_refused(shop: MultimodalDataset) -> None:
    for kind in KINDS:
        with pytest.raises(DataError, match=r"no modality acoustic \(it has: visual, textual, tags\)"):
            Corruption("acoustic", kind, 0.5).apply(shop)


@pytest.mark.parametrize("filler", [torch.ones(5), torch.ones(2, 5), torch.ones(0, 6), torch.eye(6)[:2] * 0])
def test_filler_that_does_not_fit_is_refused(shop: MultimodalDataset, filler: torch.Tensor) -> None:
    with pytest.raises(DataError, match="the textual features have 6 columns; give at least one row"):
        corrupt(shop, "textual", 0.5, "filler", filler=filler)
