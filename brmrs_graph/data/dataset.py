"""The one object that holds a data set: interactions by split, item features by modality, original ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.data.check import Finding, check_data
from brmrs_graph.data.counted import counted
from brmrs_graph.data.features import rotate, zero_rows
from brmrs_graph.errors import DataError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Encoding:
    """What the features of a modality were encoded or generated from.

    Args:
        vectors: The features, as they came from the encoder or the generator.
        made_from: SHA-256 of the encoder's weights and of all that it encoded, or of all that the generator was given.
    """

    vectors: Tensor
    made_from: str


@dataclass(frozen=True)
class MultimodalDataset:
    """Users, items, their interactions in three splits, and what is known of the items' content.

    Args:
        name: What the data set is called.
        train: Training interactions, binary CSR matrix, shape [|U|, |I|].
        valid: Validation interactions, same form.
        test: Test interactions, same form.
        features: Modality name -> item features, float32, shape [|I|, d_m].
        missing: Modality name -> True where an item lacks the modality, bool, shape [|I|]. A row of zeros counts as
            missing in any case, and a row that is missing is set to zeros, whatever was written there.
        encodings: Modality name -> what its features were encoded from, where that is known.
        user_ids: Original user ids, strings, length |U|.
        item_ids: Original item ids, strings, length |I|.
        texts: Text of every item, where there are any.
        pictures: Picture file of every item (None where it has none), where there are any.
        synthetic: Whether the data were generated; printed wherever results show.
        notes: What the reader noticed and worked around, one sentence each.
        looked_for: Where features were looked for, for the error of a model that needs them.

    Raises:
        DataError: If the shapes do not fit together.
    """

    name: str
    train: sp.csr_matrix
    valid: sp.csr_matrix
    test: sp.csr_matrix
    features: Mapping[str, Tensor] = field(default_factory=dict)
    missing: Mapping[str, Tensor] = field(default_factory=dict)
    encodings: Mapping[str, Encoding] = field(default_factory=dict)
    user_ids: Sequence[str] = ()
    item_ids: Sequence[str] = ()
    texts: Sequence[str] | None = None
    pictures: Sequence[Path | None] | None = None
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    looked_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks the shapes and fills in the masks that were not given."""
        for split in ("valid", "test"):
            if (shape := self.split(split).shape) != self.train.shape:
                raise DataError(f"data set '{self.name}': {split} has shape {shape}, but train {self.train.shape}")
        for modality, x in self.features.items():
            if x.dim() != 2 or x.size(0) != self.num_items or not x.size(1):
                raise DataError(
                    f"data set '{self.name}': the {modality} features have shape {tuple(x.shape)}, but there are "
                    f"{self.num_items:,} items; give one row of numbers per item"
                )
        features, missing = {}, {}
        for modality, x in self.features.items():
            features[modality], missing[modality] = self._masked(modality, x)
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "missing", missing)

    def _masked(self, modality: str, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features with zeros in the rows that are missing, and the mask with the rows of zeros."""
        empty, missing = zero_rows(x), self.missing.get(modality)
        if missing is None:
            return x, empty
        if missing.shape != empty.shape or missing.dtype != torch.bool:
            raise DataError(
                f"data set '{self.name}': the mask of {modality} has type {missing.dtype} and shape "
                f"{tuple(missing.shape)}, but there are {self.num_items:,} items; give one truth value per item"
            )
        if bool((missing & ~empty).any()):
            x = x.masked_fill(missing.unsqueeze(1), 0)
        return x, missing | empty if bool((empty & ~missing).any()) else missing

    @property
    def num_users(self) -> int:
        """|U|."""
        return int(self.train.shape[0])

    @property
    def num_items(self) -> int:
        """|I|."""
        return int(self.train.shape[1])

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that have features."""
        return tuple(self.features)

    def split(self, name: str) -> sp.csr_matrix:
        """The interactions of ``"train"``, ``"valid"`` or ``"test"``."""
        if name not in SPLITS:
            raise ValueError(f"split '{name}' is unknown; choose one of {', '.join(SPLITS)}")
        matrix: sp.csr_matrix = getattr(self, name)
        return matrix

    @cached_property
    def train_edges(self) -> Tensor:
        """Users (row 0) and items (row 1) of the training interactions, int64, shape [2, num_pairs], sorted."""
        users, items = self.train.nonzero()
        return torch.from_numpy(np.stack([users, items]).astype(np.int64))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (first 16 hex digits) of all that training and evaluation see: interactions, features and masks.

        The last bits of encoded and generated vectors differ from one kind of processor to another. What they were made
        from does not, and stands for them as long as they are as they were made.
        """
        digest = hashlib.sha256()
        for matrix in (self.train, self.valid, self.test):
            digest.update(np.asarray(matrix.shape, dtype=np.int64).tobytes())
            digest.update(matrix.indptr.astype(np.int64).tobytes())
            digest.update(matrix.indices.astype(np.int64).tobytes())
        for name in sorted(self.features):
            digest.update(name.encode())
            encoding = self.encodings.get(name)
            if encoding is not None and encoding.vectors is self.features[name]:
                digest.update(encoding.made_from.encode())
            else:
                digest.update(np.ascontiguousarray(self.features[name].numpy()).data)
            digest.update(np.ascontiguousarray(self.missing[name].numpy()).data)
        return digest.hexdigest()[:16]

    def counts(self) -> dict[str, int]:
        """Users, items and interactions by split."""
        return {
            "users": self.num_users,
            "items": self.num_items,
            **{split: int(self.split(split).nnz) for split in SPLITS},
        }

    def summary(self) -> str:
        """A few lines for people: counts, density, modalities with missing shares, content hash, notes."""
        counts = self.counts()
        pairs = sum(counts[split] for split in SPLITS)
        kind = " (synthetic: generated, not real shopping data)" if self.synthetic else ""
        lines = [
            f"data set {self.name}{kind}: {self.num_users:,} users, {self.num_items:,} items, {pairs:,} interactions "
            f"(train {counts['train']:,}, valid {counts['valid']:,}, test {counts['test']:,}), "
            f"density {pairs / (self.num_users * self.num_items):.3%}"
        ]
        for name, x in self.features.items():
            share = float(self.missing[name].float().mean())
            lines.append(f"  modality {name}: {x.size(1)} dimensions, missing for {share:.1%} of the items")
        if not self.features:
            lines.append("  no item features read: enough for models without item content")
        lines.append(f"  content hash {self.content_hash}")
        lines.extend(f"  note: {note}" for note in self.notes)
        return "\n".join(lines)

    def only(self, modalities: Sequence[str]) -> MultimodalDataset:
        """The same data set with some of its modalities.

        Raises:
            DataError: If one of them is not there.
        """
        self.require(modalities)
        return replace(
            self,
            features={name: self.features[name] for name in modalities},
            missing={name: self.missing[name] for name in modalities},
        )

    def require(self, modalities: Sequence[str]) -> None:
        """Checks that modalities are there.

        Raises:
            DataError: Naming the ones that are not and the ones that are.
        """
        absent = [name for name in modalities if name not in self.features]
        if absent:
            there = ", ".join(self.features) or "none"
            raise DataError(f"data set '{self.name}' has no modality {', '.join(absent)} (it has: {there})")

    def require_content(self, model: str) -> None:
        """Checks that there is any modality at all.

        Args:
            model: Name of the model that needs one, for the message.

        Raises:
            DataError: Saying where features were looked for and what runs without them.
        """
        if not self.features:
            places = ", ".join(self.looked_for) or "the features given in Python"
            raise DataError(
                f"model '{model}' needs item features, and data set '{self.name}' has none (looked for: {places}). "
                f"Put the feature arrays there, or make them with `python -m experiments.prepare --dataset {self.name} "
                f"--from DIR`. What runs now: `--model lightgcn` on this data set, or the built-in `--dataset boutique`"
            )

    def imputed(self) -> MultimodalDataset:
        """The same data set without masks: items that lack a modality get the mean vector of those that have it.

        This is what MMRec's data do, and here for comparison only: nothing downstream can tell such items from others.
        They are one another's nearest neighbours, and the mean is of no item.
        """
        features, missing, notes = {}, {}, []
        for name, x in self.features.items():
            lacking = self.missing[name]
            known = bool(lacking.any()) and not bool(lacking.all())
            mean = x[~lacking].double().mean(dim=0).to(x.dtype) if known else x.new_zeros(x.size(1))
            features[name] = torch.where(lacking.unsqueeze(1), mean, x) if known else x
            missing[name] = torch.zeros_like(lacking) if known else lacking
            if known:
                notes.append(
                    f"{name} features of {counted(int(lacking.sum()), 'item that lacks', 'items that lack')} them were "
                    "set to the mean vector"
                )
        return replace(self, features=features, missing=missing, notes=(*self.notes, *notes)) if notes else self

    def check(self) -> list[Finding]:
        """All that is wrong or remarkable about the data, see :func:`~brmrs_graph.data.check.check_data`."""
        return check_data(self)

    def rotated(self, dim: int) -> MultimodalDataset:
        """The same data set with features rotated to at most ``dim`` dimensions; a note reports the energy kept."""
        features, notes = {}, []
        for name, x in self.features.items():
            features[name], energy = rotate(x, dim)
            if features[name] is not x:
                notes.append(
                    f"{name} features rotated from {x.size(1)} to {dim} dimensions, {energy:.1%} of energy kept"
                )
        return replace(self, features=features, notes=(*self.notes, *notes)) if notes else self


def csr_from_pairs(users: NDArray[np.int64], items: NDArray[np.int64], shape: tuple[int, int]) -> sp.csr_matrix:
    """A binary CSR matrix with sorted columns from user-item pairs (each pair at most once)."""
    matrix = sp.csr_matrix((np.ones(len(users), dtype=np.float32), (users, items)), shape=shape)
    matrix.sort_indices()
    return matrix
