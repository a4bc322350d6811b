"""From a raw source to a data set folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from brmrs_graph.data.dataset import SPLITS
from brmrs_graph.data.encoders import Encoder
from brmrs_graph.data.folder import read_folder
from brmrs_graph.data.ids import LISTS
from brmrs_graph.data.preparation.features import feature_stages, origins, ready_encoders
from brmrs_graph.data.preparation.interactions import collect_interactions
from brmrs_graph.data.preparation.items import collect_items
from brmrs_graph.data.preparation.options import Options
from brmrs_graph.data.preparation.pictures import collect_pictures, is_address, stamps
from brmrs_graph.data.preparation.publish import MANIFEST, check_target, file_sums, publish, recover
from brmrs_graph.data.preparation.stages import Stage, Workplace
from brmrs_graph.data.raw import Report, Source
from brmrs_graph.data.raw.catalogue import named_pictures
from brmrs_graph.data.splits import cold
from brmrs_graph.errors import ConfigError
from brmrs_graph.files import file_sha256, write_bytes

_VERSION = 3  # of what is made from the same source with the same options


@dataclass(frozen=True)
class Prepared:
    """A data set folder that was made.

    Args:
        folder: The folder.
        manifest: What ``manifest.json`` in there says.
        summary: What a run will say of it.
    """

    folder: Path
    manifest: dict[str, Any]
    summary: str


def prepare(
    source: Source,
    name: str,
    out: Path,
    options: Options | None = None,
    *,
    cache_dir: Path | None = None,
    offline: bool = False,
    progress: bool = False,
) -> Prepared:
    """Makes the data set folder ``out/name``.

    It grows in ``out/.name.part``, stage by stage, is read back as a run reads it, and takes its place by one rename.
    After a kill the same call goes on with the stage it was at, and makes the same files. Those of the folder that was
    there before are replaced as a whole; what was no part of that data set, such as a README, is kept.

    Args:
        source: The raw files.
        name: Name of the data set.
        out: The folder in which its folder is made.
        options: What is made of the source (default: all defaults).
        cache_dir: Where encoded vectors are kept by content, and fetched pictures by address (default: nowhere).
        offline: Whether nothing is fetched: pictures that are not kept there are done without.
        progress: Whether to show progress bars.

    Raises:
        BusyError: If another process makes it.
        ConfigError: If the name is none of a folder.
        DataError: If the source is broken, an encoder cannot be used, or the folder must not be replaced.
    """
    if name in {"", ".", ".."} or Path(name).name != name:
        raise ConfigError(
            f"'{name}' cannot be the name of a data set, whose folder is made in {out}; give a plain name"
        )
    target = out / name
    with Workplace(out / f".{name}.part") as work:
        recover(work.folder, target)
        try:
            check_target(target, source.folder)
            manifest, summary = _Preparation(
                source, name, options or Options(), work, cache_dir, offline, progress
            ).run(target)
        except BaseException:
            if not work.finished:
                work.remove()
            raise
        work.remove()
    return Prepared(target, manifest, summary)


@dataclass(frozen=True)
class _Preparation:
    """One run through all stages."""

    source: Source
    name: str
    options: Options
    work: Workplace
    cache_dir: Path | None
    offline: bool
    progress: bool

    def run(self, target: Path) -> tuple[dict[str, Any], str]:
        """Does what is left to do, and puts the folder in its place."""
        possible = {"textual": bool(self.source.text_fields), "visual": self.source.pictured}
        encoders = ready_encoders(
            self.options,
            [modality for modality, there in possible.items() if there and modality not in self.source.vectors],
            offline=self.offline,
        )
        sources = self._sources()
        asked = [asdict(self.options.filters), self.options.split, self.options.seed]
        basis = [_VERSION, self.name, sources, repr(self.source.pairs), *asked]
        interactions = self.work.stage("interactions", basis, self._interactions)
        seen = interactions.result["seen"]
        items = self.work.stage(
            "items",
            [
                *(interactions.fingerprint, repr(self.source.catalogues), named_pictures(self.source.folder)),
                *(self.options.text_fields, self._keeps_unseen),
            ],
            lambda folder: self._items(seen, folder),
        )
        places = items.result["pictures"]
        pictures = self.work.stage(
            "pictures",
            [items.fingerprint, stamps(self.source.folder, places), self.offline, "visual" in encoders],
            lambda folder: self._pictures(places, folder, fetch="visual" in encoders),
        )
        features = self._features(encoders, items, pictures)
        stages = [interactions, items, pictures, *features.values()]
        whole = self.work.gather(stages)
        data = read_folder(whole, name=self.name)
        manifest = self._manifest(sources, interactions, items, pictures, features) | {
            "counts": data.counts(),
            "content_hash": data.content_hash,
            "files": file_sums(whole),
        }
        write_bytes(whole / MANIFEST, (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())
        publish(whole, target)
        return manifest, data.summary()

    def _sources(self) -> list[dict[str, Any]]:
        sizes = {path: path.stat().st_size for path in self.source.files}
        found = []
        with tqdm(
            total=sum(sizes.values()), desc="checksums", unit="B", unit_scale=True, disable=not self.progress
        ) as bar:
            for path, size in sizes.items():
                found.append({"file": path.name, "bytes": size, "sha256": file_sha256(path)})
                bar.update(size)
        return found

    def _interactions(self, folder: Path) -> dict[str, Any]:
        report = Report()
        options = self.options
        found = collect_interactions(
            self.source, report, options.filters, options.split, options.seed, progress=self.progress
        )
        with (folder / f"{self.name}.inter").open("w", encoding="utf-8", newline="") as file:
            for number, chunk in enumerate(found.chunks()):
                chunk.to_csv(file, sep="\t", index=False, header=number == 0, lineterminator="\n")
        users = pd.Series(found.user_ids, name="userID", dtype="str")
        users.to_csv(folder / LISTS["userID"], index=False, lineterminator="\n")
        return {
            "seen": found.item_ids,
            "filters": [step.to_dict() for step in found.steps],
            "split": {
                "rule": found.rule,
                **dict(zip(SPLITS, np.bincount(found.labels, minlength=3).tolist(), strict=True)),
                "cutoffs": found.cutoffs,
                "torn": found.torn,
                "cold": asdict(cold(found.users, found.items, found.labels)),
            },
            "broken": report.to_dict(),
        }

    @property
    def _keeps_unseen(self) -> bool:
        return self.options.unseen_items or (self.source.complete and self.options.filters.core < 2)

    def _items(self, seen: Sequence[str], folder: Path) -> dict[str, Any]:
        report = Report()
        found = collect_items(
            self.source,
            seen,
            folder,
            report,
            fields=self.options.text_fields,
            unseen=self._keeps_unseen,
            progress=self.progress,
        )
        return {**asdict(found), "broken": report.to_dict()}

    def _pictures(self, places: dict[str, str], folder: Path, *, fetch: bool) -> dict[str, Any]:
        report = Report()
        wanted = {item: place for item, place in places.items() if fetch or not is_address(place)}
        count = collect_pictures(
            self.source.folder,
            wanted,
            folder,
            report,
            cache_dir=self.cache_dir,
            offline=self.offline,
            progress=self.progress,
        )
        return {"count": count, "not_fetched": len(places) - len(wanted), "broken": report.to_dict()}

    def _features(self, encoders: dict[str, Encoder[Any]], items: Stage, pictures: Stage) -> dict[str, Stage]:
        found = origins(
            self.options,
            self.source.vectors,
            encoders,
            items.folder if items.result["texts"] else None,
            pictures.folder if pictures.result["count"] else None,
            cache_dir=self.cache_dir,
            progress=self.progress,
        )
        return feature_stages(self.work, pictures.fingerprint, found, items.result["item_ids"], self.options)

    def _manifest(
        self,
        sources: list[dict[str, Any]],
        interactions: Stage,
        items: Stage,
        pictures: Stage,
        features: dict[str, Stage],
    ) -> dict[str, Any]:
        stages = (interactions, items, pictures, *features.values())
        told = {key: items.result[key] for key in ("fields", "fields_left_out", "texts", "unknown", "unseen")}
        return {
            "name": self.name,
            "layout": self.source.layout,
            "remarks": list(self.source.remarks),
            "sources": sources,
            "options": self.options.to_dict(),
            "filters": interactions.result["filters"],
            "split": interactions.result["split"],
            "items": {
                "count": len(items.result["item_ids"]),
                **told,
                "unseen_kept": self._keeps_unseen,
                "pictures": pictures.result["count"],
                "not_fetched": pictures.result["not_fetched"],
            },
            "features": {
                modality: {key: value for key, value in stage.result.items() if key != "broken"}
                for modality, stage in features.items()
            },
            "broken": [entry for stage in stages for entry in stage.result["broken"]],
        }
