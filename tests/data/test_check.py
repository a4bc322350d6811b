from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from brmrs_graph.data import MultimodalDataset, csr_from_pairs
from brmrs_graph.data.check import Finding, check_data


def matrix(*pairs: tuple[int, int], shape: tuple[int, int] = (4, 12)) -> Any:
    users, items = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return csr_from_pairs(users, items, shape)


@pytest.fixture
def sound() -> MultimodalDataset:
    """Every user and item has a training pair, every item every modality."""
    generator = torch.Generator().manual_seed(0)
    return MultimodalDataset(
        "sound",
        train=matrix(*[(i % 4, i) for i in range(12)]),
        valid=matrix((0, 1)),
        test=matrix((1, 2)),
        features={m: torch.randn(12, d, generator=generator) for m, d in (("visual", 3), ("textual", 2))},
        user_ids=tuple("abcd"),
        item_ids=tuple("ABCDEFGHIJKL"),
    )


def texts(data: MultimodalDataset, wrong: bool) -> str:
    return "\n".join(finding.text for finding in check_data(data) if finding.wrong == wrong)


def with_row(data: MultimodalDataset, rows: list[int], value: Any) -> MultimodalDataset:
    x = data.features["visual"].clone()
    x[rows] = torch.as_tensor(value, dtype=x.dtype)
    return replace(data, features=data.features | {"visual": x}, missing={})


def test_nothing_is_said_of_sound_data(sound: MultimodalDataset) -> None:
    assert check_data(sound) == []


def test_findings_say_whether_they_must_be_mended() -> None:
    assert str(Finding("a", wrong=True)) == "problem: a" and str(Finding("b")) == "remark: b"


def test_pairs_in_several_splits_are_a_problem_and_the_first_is_named(sound: MultimodalDataset) -> None:
    torn = texts(replace(sound, test=matrix((2, 6), (3, 7), (0, 1))), wrong=True)
    assert "2 user-item pairs are in train and in test (the first: user 'c', item 'G')" in torn
    assert "1 user-item pair is in valid and in test (the first: user 'a', item 'B')" in torn
    assert "train and in valid" not in torn


def test_every_empty_split_is_a_problem(sound: MultimodalDataset) -> None:
    empty = texts(replace(sound, valid=matrix(), test=matrix()), wrong=True)
    assert "split valid" in empty and "split test" in empty and "split train" not in empty


def test_ids_must_be_one_for_each(sound: MultimodalDataset) -> None:
    wrong = texts(replace(sound, user_ids=("a", "b", "b", "b"), item_ids=("A",)), wrong=True)
    assert "2 user ids occur more than once" in wrong and "1 item id for 12 items" in wrong
    assert texts(replace(sound, user_ids=(), item_ids=()), wrong=True) == ""


def test_users_and_items_without_training_pairs_are_told_with_what_is_held_out_of_them(
    sound: MultimodalDataset,
) -> None:
    cold = replace(sound, train=matrix(*[(i % 3, i) for i in range(10)]), test=matrix((3, 0), (3, 10), (1, 10)))
    remarks = texts(cold, wrong=False)
    assert "1 of 4 (25.0%) users has no training pair; 2 held-out pairs are theirs" in remarks
    assert "2 of 12 (16.7%) items are cold, without a training pair; 2 held-out pairs are theirs" in remarks
    assert "without a training pair or a held-out one" in texts(replace(cold, test=matrix((0, 1))), wrong=False)
    assert texts(cold, wrong=True) == ""


def test_items_that_lack_a_modality_or_all_are_counted(sound: MultimodalDataset) -> None:
    lacking = {"visual": torch.arange(12) < 3, "textual": (torch.arange(12) > 0) & (torch.arange(12) < 3)}
    remarks = texts(replace(sound, missing=lacking, train=matrix(*[(i % 4, i) for i in range(2, 12)])), wrong=False)
    assert "3 of 12 (25.0%) items lack the modality visual" in remarks
    assert "2 of 12 (16.7%) items lack the modality textual" in remarks
    assert "2 of 12 (16.7%) items have no modality at all, 1 of them not even a training pair" in remarks


def test_a_modality_that_no_item_has_is_a_problem(sound: MultimodalDataset) -> None:
    nothing = replace(sound, missing={"visual": torch.ones(12, dtype=torch.bool)})
    assert texts(nothing, wrong=True) == "no item has the modality visual; leave it out"


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_features_that_are_not_finite_are_a_problem_by_row(sound: MultimodalDataset, value: float) -> None:
    broken = replace(with_row(sound, [5, 9], [1.0, value, 0.0]), missing={"visual": torch.arange(12) == 0})
    wrong = "visual features of 2 items hold NaN or infinite values (the first is item 'F')"
    assert wrong in texts(broken, wrong=True)


def test_constant_columns_are_counted_over_items_that_have_the_modality(sound: MultimodalDataset) -> None:
    x = sound.features["visual"].clone()
    x[:, 1] = 7.0
    data = replace(sound, features=sound.features | {"visual": x}, missing={"visual": torch.arange(12) == 4})
    assert "1 of 3 (33.3%) visual dimensions has the same value for every item" in texts(data, wrong=False)


def test_a_mean_vector_that_stands_for_missing_ones_is_recognised(sound: MultimodalDataset) -> None:
    mean = sound.features["visual"][4:].mean(dim=0)
    remarks = texts(with_row(sound, [0, 1, 2, 3], mean.half().float()), wrong=False)
    assert "4 items share their visual features with another one, 4 of them the same, which is the mean" in remarks
    other = texts(with_row(sound, [0, 1, 2, 3], mean + 0.1), wrong=False)
    assert "4 of them the same; if these stand for missing ones" in other


def test_equal_rows_are_found_bit_by_bit_with_both_zeros_equal(sound: MultimodalDataset) -> None:
    x = with_row(with_row(sound, [3], [0.0, 1.0, 2.0]), [8], [-0.0, 1.0, 2.0])
    assert "2 items share their visual features with another one, 2 of them the same" in texts(x, wrong=False)
    near = with_row(x, [8], [1e-30, 1.0, 2.0])
    assert texts(near, wrong=False) == ""


def test_problems_come_first(sound: MultimodalDataset) -> None:
    data = replace(sound, test=sound.train, missing={"visual": torch.arange(12) < 3})
    found = [finding.wrong for finding in check_data(data)]
    assert found == sorted(found, reverse=True) and set(found) == {True, False}
