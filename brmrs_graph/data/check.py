"""Looks a data set over and says all that is wrong or remarkable about it, instead of stopping at the first thing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.data.counted import counted
from brmrs_graph.data.features import finite_rows

if TYPE_CHECKING:
    from brmrs_graph.data.dataset import MultimodalDataset

MANY_EQUAL = 0.01
"""Share of the items above which equal feature rows may stand for missing ones."""
SAME_MEAN = 1e-3
"""Relative distance up to which a row is the mean of the others, stored with half precision."""

_DIGEST = 16  # bytes that stand for a row


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Args:
        text: What it is, how much of it there is, and what can be done.
        wrong: Whether it must be mended; otherwise it is a remark, and the data can be used as they are.
    """

    text: str
    wrong: bool = False

    def __str__(self) -> str:
        return f"{'problem' if self.wrong else 'remark'}: {self.text}"


def check_data(data: MultimodalDataset) -> list[Finding]:
    """All that is wrong with a data set or remarkable about it, problems first.

    Problems are pairs in several splits, empty splits, ids that are not one for each user and item, features that are
    not finite, and modalities that no item has. Remarks are users without training pairs, cold items (those without
    training pairs), items that lack a modality, or all of them, equal feature rows (such as a mean vector that stands
    for missing ones), and constant columns.

    Args:
        data: The data set; nothing is changed.
    """
    found = [*_pairs(data), *_ids(data), *_nodes(data)]
    for modality, x in data.features.items():
        found += _features(modality, x, data.missing[modality], data.item_ids)
    return sorted(found, key=lambda finding: not finding.wrong)


def _pairs(data: MultimodalDataset) -> Iterator[Finding]:
    splits = {split: data.split(split) for split in ("train", "valid", "test")}
    for split, matrix in splits.items():
        if not matrix.nnz:
            yield Finding(f"the split {split} has no interactions; a run needs some in each of the three", wrong=True)
    for (one, first), (other, second) in combinations(splits.items(), 2):
        both = first.multiply(second).tocoo()
        if both.nnz:
            pair = f"user {_name(data.user_ids, both.row[0])}, item {_name(data.item_ids, both.col[0])}"
            yield Finding(
                f"{counted(both.nnz, 'user-item pair is', 'user-item pairs are')} in {one} and in {other} (the first: "
                f"{pair}), so that what is measured was seen before; keep each pair in one split",
                wrong=True,
            )


def _ids(data: MultimodalDataset) -> Iterator[Finding]:
    for what, ids, count in (("user", data.user_ids, data.num_users), ("item", data.item_ids, data.num_items)):
        if len(ids) not in (0, count):
            found = f"{counted(len(ids), f'{what} id')} for {counted(count, what)}"
            yield Finding(f"{found}; give one for each", wrong=True)
        if repeated := len(ids) - len(set(ids)):
            found = counted(repeated, f"{what} id occurs", f"{what} ids occur")
            yield Finding(f"{found} more than once; each must be that of one {what}", wrong=True)


def _nodes(data: MultimodalDataset) -> Iterator[Finding]:
    held_out = data.valid + data.test
    no_user, no_item = (np.asarray(data.train.getnnz(axis=axis)) == 0 for axis in (1, 0))
    if no_user.any():
        pairs = int(held_out[no_user].nnz)
        yield Finding(
            f"{_share(no_user, 'users', 'has', 'have')} no training pair"
            + (f"; {_held_out(pairs)}, which no model can know anything about" if pairs else "")
        )
    if no_item.any():
        pairs = int(held_out[:, no_item].nnz)
        yield Finding(
            f"{_share(no_item, 'items', 'is', 'are')} cold, without a training pair"
            + (f"; {_held_out(pairs)}, and reported apart" if pairs else " or a held-out one")
        )
    if data.features:
        bare = torch.stack(list(data.missing.values())).all(dim=0).numpy()
        if bare.any():
            cold = int((bare & no_item).sum())
            yield Finding(
                f"{_share(bare, 'items', 'has', 'have')} no modality at all"
                + (f", {cold:,} of them not even a training pair: they rank at random or last" if cold else "")
            )


def _features(modality: str, x: Tensor, missing: Tensor, item_ids: Sequence[str]) -> Iterator[Finding]:
    if bool(missing.all()):
        yield Finding(f"no item has the modality {modality}; leave it out", wrong=True)
        return
    if bool(missing.any()):
        yield Finding(f"{_share(missing.numpy(), 'items', 'lacks', 'lack')} the modality {modality}")
    items = (~missing).nonzero().squeeze(1)
    finite = finite_rows(x)[items]
    if not bool(finite.all()):
        broken, items = items[~finite], items[finite]
        yield Finding(
            f"the {modality} features of {counted(len(broken), 'item')} hold NaN or infinite values (the first is "
            f"item {_name(item_ids, int(broken[0]))}); write zeros where an item lacks the modality",
            wrong=True,
        )
    if len(items) < 2:
        return
    rows, constant = x.numpy(), np.ones(x.size(1), dtype=bool)
    for item in items.tolist():
        constant &= rows[item] == rows[items[0]]
    if constant.any():
        dimensions = _share(constant, f"{modality} dimensions", "has", "have")
        yield Finding(f"{dimensions} the same value for every item")
    yield from _equal_rows(modality, rows, items.numpy())


def _equal_rows(modality: str, rows: NDArray[Any], items: NDArray[np.int64]) -> Iterator[Finding]:
    digests = b"".join(_digest(rows[item]) for item in items)
    _, first, group, size = np.unique(
        np.frombuffer(digests, f"V{_DIGEST}"), return_index=True, return_inverse=True, return_counts=True
    )
    largest, repeated = int(size.argmax()), size > 1
    if not repeated.any():
        return
    text = (
        f"{int(size[repeated].sum()):,} items share their {modality} features with another one, {size[largest]:,} of "
        "them the same"
    )
    others = items[group != largest]
    total = np.zeros(rows.shape[1])
    for item in others:
        total += rows[item]
    mean = total / max(len(others), 1)
    away = np.linalg.norm(rows[items[first[largest]]] - mean)
    if len(others) and away <= SAME_MEAN * np.linalg.norm(mean):
        text += (
            ", which is the mean of all others: it stands for missing ones, as in MMRec's folders; write zeros there, "
            "and the items count as lacking the modality"
        )
    elif size[largest] > MANY_EQUAL * len(items):
        text += "; if these stand for missing ones, write zeros there"
    yield Finding(text)


def _digest(row: NDArray[Any]) -> bytes:
    positive = row + np.float32(0)  # -0 becomes 0, so that equal rows have equal bytes
    return hashlib.blake2b(positive.tobytes(), digest_size=_DIGEST).digest()


def _share(which: np.ndarray, things: str, one: str, several: str) -> str:
    """Such as ``1 of 12 (8.3%) items is`` and ``2 of 12 (16.7%) items are``."""
    number = int(which.sum())
    return f"{number:,} of {len(which):,} ({which.mean():.1%}) {things} {one if number == 1 else several}"


def _held_out(pairs: int) -> str:
    return f"{counted(pairs, 'held-out pair is', 'held-out pairs are')} theirs"


def _name(ids: Sequence[str], index: int) -> str:
    return repr(ids[index]) if index < len(ids) else f"number {index}, counted from 0"
