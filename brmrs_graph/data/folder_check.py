"""Looks a data set folder over: every part is read by itself, so that one unreadable part hides no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar

import pandas as pd
import torch

from brmrs_graph.data.check import Finding, check_data
from brmrs_graph.data.counted import counted
from brmrs_graph.data.encoders import item_pictures, item_texts
from brmrs_graph.data.encoders.image import load_picture
from brmrs_graph.data.folder import (
    interaction_problems,
    modality_of,
    read_array,
    read_folder,
    read_table,
)
from brmrs_graph.data.ids import index_ids, read_list
from brmrs_graph.errors import DataError

P = ParamSpec("P")
T = TypeVar("T")


def check_folder(folder: Path, name: str | None = None) -> list[Finding]:
    """All that is wrong with a data set folder or remarkable about it, problems first.

    Texts and pictures are read, and not encoded. What :func:`~brmrs_graph.data.check.check_data` says of the data
    themselves comes with it, as far as they can be read.

    Args:
        folder: The folder, in the layout of :mod:`brmrs_graph.data.folder`.
        name: Name of the data set (default: the folder's).

    Raises:
        DataError: If there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give the one that holds NAME.inter")
    looked = _Look(folder, name or folder.name)
    looked.interactions()
    looked.texts()
    looked.pictures()
    looked.arrays()
    looked.data()
    return sorted(dict.fromkeys(looked.found), key=lambda finding: not finding.wrong)


class _Look:
    """One look over a folder; later steps use what earlier ones could read."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.path = folder / f"{name}.inter"
        self.found: list[Finding] = []
        self.item_ids: list[str] | None = None
        self.features: dict[str, torch.Tensor] = {}
        self.readable = False

    def attempt(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What a reader gives, or None and a problem."""
        try:
            return read(*args, **kwargs)
        except (DataError, OSError) as error:
            self.found.append(Finding(str(error), wrong=True))
            return None

    def remark(self, text: str) -> None:
        self.found.append(Finding(text))

    def interactions(self) -> None:
        """The table, its columns, and its ids, with those of items.csv."""
        others = sorted(path.name for path in self.folder.glob("*.inter") if path != self.path)
        table = self.attempt(read_table, self.path)
        if table is None and others and not self.path.exists():
            self.remark(f"there is {', '.join(others)}; the file must be called {self.path.name}, as the folder is")
        catalogue = self.attempt(read_list, self.folder, "itemID")
        self.item_ids = catalogue or None
        if table is not None:
            self.found += [Finding(text, wrong=True) for text in interaction_problems(self.path, table)]
            if {"userID", "itemID"} <= set(table.columns):
                table = table[(table["userID"] != "") & (table["itemID"] != "")]
                if len(table):
                    self._ids(table, catalogue)
        self.readable = not any(finding.wrong for finding in self.found)

    def _ids(self, table: pd.DataFrame, catalogue: list[str] | None) -> None:
        listed = self.attempt(read_list, self.folder, "userID")
        if listed is not None:
            self.attempt(index_ids, self.path, "userID", table["userID"], listed)
        if catalogue is not None:
            indexed = self.attempt(index_ids, self.path, "itemID", table["itemID"], catalogue)
            self.item_ids = indexed[0] if indexed else self.item_ids
        if "x_label" in table.columns:
            labels = table.groupby(["userID", "itemID"])["x_label"].nunique()
            if torn := int((labels > 1).sum()):
                user, item = labels.index[labels > 1][0]
                pairs = counted(torn, "user-item pair is", "user-item pairs are")
                self.remark(
                    f"{self.path}: {pairs} in several splits (the first: user '{user}', item '{item}'), and read as "
                    "of the earliest one"
                )

    def texts(self) -> None:
        """The columns of items.csv that are encoded."""
        if not (self.folder / "items.csv").is_file():
            return
        texts = self.attempt(item_texts, self.folder, self.item_ids or [])
        if texts:
            self._lacking("text", sum(not text for text in texts), len(texts))

    def pictures(self) -> None:
        """The picture files: whether they can be read, and whose they are."""
        images = self.folder / "images"
        if not images.is_dir():
            return
        files = [path for path in sorted(images.iterdir()) if path.is_file()]
        broken = [str(error) for error in map(_unreadable, files) if error]
        if broken:
            self.found.append(
                Finding(f"{images}: {len(broken):,} of {len(files):,} files; the first: {broken[0]}", wrong=True)
            )
        if self.item_ids:
            found = item_pictures(self.folder, self.item_ids)
            self._lacking("picture", sum(path is None for path in found), len(found))
            if idle := len(set(files) - set(found)):
                self.remark(
                    f"{images}: {counted(idle, 'file is', 'files are')} no item's picture, which is called ITEMID.jpg"
                )

    def _lacking(self, what: str, lacking: int, count: int) -> None:
        if lacking:
            have = "has" if lacking == 1 else "have"
            self.remark(f"{lacking:,} of {count:,} ({lacking / count:.1%}) items {have} no {what}")

    def arrays(self) -> None:
        """The feature arrays."""
        seen: dict[str, Path] = {}
        for path in sorted(self.folder.glob("*_feat.npy")):
            modality = modality_of(path)
            if modality in seen:
                text = f"{path} and {seen[modality].name} both hold the modality {modality}; keep one of the two"
                self.found.append(Finding(text, wrong=True))
            seen[modality] = path
            counted_in = "items.csv" if (self.folder / "items.csv").is_file() else self.path.name
            x = self.attempt(read_array, path, len(self.item_ids) if self.item_ids else None, counted_in)
            if x is not None:
                self.features[modality] = torch.from_numpy(x)
        if not seen and not (self.folder / "items.csv").is_file() and not (self.folder / "images").is_dir():
            self.remark("there are no features, texts or pictures: only models without item content can run")

    def data(self) -> None:
        """What the data set itself shows, if the interactions can be read."""
        data = self.attempt(read_folder, self.folder, name=self.name, features=False) if self.readable else None
        if data is not None:
            self.found += [Finding(f"{self.path}: {note}") for note in data.notes]
            self.found += check_data(replace(data, features=self.features))


def _unreadable(path: Path) -> DataError | None:
    try:
        load_picture(path)
    except DataError as error:
        return error
    return None
