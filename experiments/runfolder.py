"""The run folder: where a run keeps its configuration, log, checkpoints, metrics and embeddings.

::

    config.yaml             the resolved settings and the data's content hash
    log.jsonl               one record per epoch
    checkpoint/             last.safetensors (all that --resume needs), best-N.safetensors (the parameters of the best
                            epoch N); of several ranks epoch-N/ and best-N/ instead, and best-N.safetensors in the end
    metrics.json            results, timings, data counts and hash, versions
    rankings.safetensors    top-20 lists and hits of every evaluated user, by split and branch
    embeddings.safetensors  user and item vectors of every branch at the best epoch
    item_paths.safetensors  what the model adds to item vectors over its item graph, if it says so
    users.parquet           ids of the users with their training items
    items.parquet           ids of the items with their texts
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.evaluation import Ranking
from brmrs_graph.files import write_bytes
from brmrs_graph.lock import locked
from brmrs_graph.models import ItemPaths
from brmrs_graph.serving import KeptData, read_branches, read_modalities, write_branches, write_item_paths
from brmrs_graph.training.checkpoint import load_state, load_tensors, save_tensors
from experiments.settings import RunSettings, from_yaml, to_dict

MAY_DIFFER = {"data_root", "out", "resume", "device", "threads", "tensorboard"}
"""Settings that a resumed run may change: where things are, not what is computed."""


class RunFolder:
    """Reads and writes one run folder.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, settings: RunSettings) -> RunFolder:
        """The folder that settings ask for, neither checked nor made yet; see :meth:`check` and :meth:`start`."""
        if settings.out is not None:
            return cls(settings.out)
        base = Path("runs") / "-".join((settings.dataset, settings.model, settings.objective, str(settings.seed)))
        return cls(_latest(base) if settings.resume else _free(base))

    @contextmanager
    def held(self, on_wait: Callable[[], object] | None = None) -> Iterator[None]:
        """Keeps other processes out, since two that train in one folder would overwrite each other's checkpoints.

        The folder is made if absent; then it goes again if it is empty in the end.

        Args:
            on_wait: Called if another process has the folder, which is then waited for.

        Raises:
            BusyError: If another process has it, and ``on_wait`` is not given.
        """
        new = not self.path.exists()
        with locked(self.path, on_wait):
            try:
                yield
            finally:
                if new:
                    with suppress(OSError):  # it is not empty
                        self.path.rmdir()

    @property
    def begun(self) -> bool:
        """Whether a run is there, finished or not."""
        return (self.path / "config.yaml").is_file()

    def check(self, settings: RunSettings) -> None:
        """Checks that the run that settings ask for may be done here.

        Raises:
            ConfigError: If the folder is taken, or holds another configuration than the one to be resumed.
        """
        if settings.resume:
            self.check_same(settings)
        elif self.begun:
            raise ConfigError(f"{self.path} holds a run already; go on with it by --resume, or choose another --out")

    def start(self, settings: RunSettings, content_hash: str) -> None:
        """Makes the folder with its ``config.yaml``, or checks that a resumed run goes on with the same data.

        What a killed process has left half-written goes.

        Raises:
            ConfigError: If the data set has changed since the run was started.
        """
        if settings.resume:
            kept = self._config().get("content_hash")
            if kept != content_hash:
                raise ConfigError(
                    f"the data set '{settings.dataset}' has changed since {self.path} was started (content hash "
                    f"{kept} then, {content_hash} now); start a new run with another --out"
                )
        self.path.mkdir(parents=True, exist_ok=True)
        for path in self.path.rglob(".*.part"):
            if path.is_file():
                path.unlink()
        config = to_dict(settings) | {"content_hash": content_hash}
        self.write_text("config.yaml", yaml.safe_dump(config, sort_keys=False))

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints are."""
        return self.path / "checkpoint"

    @property
    def epochs(self) -> int:
        """Epochs that are kept: how many a resumed run need not do again."""
        path = self.checkpoints / "last.safetensors"
        return int(load_state(path)["epoch"]) if path.exists() else 0

    @property
    def of_ranks(self) -> bool:
        """Whether checkpoints are there that several ranks have written, see :mod:`brmrs_graph.distributed`."""
        return any(self.checkpoints.glob("epoch-*"))

    def check_same(self, settings: RunSettings) -> None:
        """Checks that the folder was made with the same settings.

        Raises:
            ConfigError: Naming what differs.
        """
        kept, wanted = flat(self._config()), flat(to_dict(settings))
        differ = [
            f"{name} ({kept.get(name)} there, {wanted.get(name)} now)"
            for name in sorted((kept.keys() | wanted.keys()) - {"content_hash"})
            if name.split(".")[0] not in MAY_DIFFER and name != "train.epochs" and kept.get(name) != wanted.get(name)
        ]
        if differ:
            raise ConfigError(
                f"{self.path} was made with other settings: {', '.join(differ)}; give the same ones, or choose "
                "another --out"
            )

    def _config(self) -> dict[str, Any]:
        path = self.path / "config.yaml"
        if not path.is_file():
            raise ConfigError(f"there is no run to resume: {path} is missing; start it without --resume")
        try:
            return dict(yaml.safe_load(path.read_text()))
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise ConfigError(f"{path} is damaged ({error}); start the run anew with another --out") from error

    def write_text(self, name: str, text: str) -> None:
        """Writes a file in one step."""
        write_bytes(self.path / name, text.encode())

    def log(self, record: dict[str, Any]) -> None:
        """Adds a record to ``log.jsonl``."""
        with (self.path / "log.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")

    def cut_log(self, epochs: int) -> None:
        """Drops the records after an epoch, and a last line that was cut off, before a resumed run goes on."""
        path = self.path / "log.jsonl"
        if path.is_file():
            lines = path.read_text().splitlines()[:epochs]
            self.write_text("log.jsonl", "".join(line + "\n" for line in lines))

    def read_metrics(self) -> dict[str, Any] | None:
        """The metrics of a finished run; None for one that is not finished."""
        path = self.path / "metrics.json"
        if not path.is_file():
            return None
        metrics: dict[str, Any] = json.loads(path.read_text())
        return metrics

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Writes ``metrics.json``, the last file of a run: where it is, the run is finished."""
        self.write_text("metrics.json", json.dumps(metrics, indent=2) + "\n")

    def write_embeddings(self, branches: Branches) -> None:
        """Writes ``embeddings.safetensors``, see :func:`~brmrs_graph.serving.write_branches`."""
        write_branches(self.path, branches)

    def write_item_paths(self, paths: ItemPaths | None) -> None:
        """Writes ``item_paths.safetensors``, see :func:`~brmrs_graph.serving.write_item_paths`."""
        write_item_paths(self.path, paths)

    def read_branches(self) -> Branches:
        """Reads back the embeddings of every branch.

        Raises:
            CheckpointError: If the file is missing or truncated.
        """
        return read_branches(self.path)

    def read_modalities(self) -> tuple[str, ...]:
        """The unimodal branches, without reading the embeddings.

        Raises:
            CheckpointError: If the file is missing or truncated.
        """
        return read_modalities(self.path)

    @property
    def keeps_data(self) -> bool:
        """Whether ids and training interactions are there; runs made before they were kept lack them."""
        return KeptData.is_in(self.path)

    def write_kept_data(self, data: MultimodalDataset) -> None:
        """Writes ``users.parquet`` and ``items.parquet``, see :class:`~brmrs_graph.serving.KeptData`."""
        KeptData.of(data).write(self.path)

    def read_settings(self) -> RunSettings:
        """The settings that the run was made with.

        Raises:
            ConfigError: If ``config.yaml`` is missing or of another version.
        """
        return from_yaml(self.path / "config.yaml")

    def write_rankings(self, rankings: dict[str, dict[str, Ranking]]) -> None:
        """Writes ``rankings.safetensors`` from split -> branch -> ranking."""
        tensors = {}
        for split, branches in rankings.items():
            for branch, ranking in branches.items():
                for part in ("users", "num_relevant"):
                    tensors[f"{split}.{part}"] = getattr(ranking, part)
                tensors[f"{split}.{branch}.items"] = ranking.items.int()
                tensors[f"{split}.{branch}.hits"] = ranking.hits
        save_tensors(self.path / "rankings.safetensors", tensors)

    def read_ranking(self, split: str, branch: str) -> Ranking:
        """Reads back the ranking of a split and branch.

        Raises:
            CheckpointError: If the file is missing or truncated.
        """
        tensors = load_tensors(self.path / "rankings.safetensors")[0]
        return Ranking(
            tensors[f"{split}.users"],
            tensors[f"{split}.{branch}.items"].long(),
            tensors[f"{split}.{branch}.hits"],
            tensors[f"{split}.num_relevant"],
        )


def _free(base: Path) -> Path:
    path, number = base, 1
    while path.exists():
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return path


def _latest(base: Path) -> Path:
    path, number = base, 1
    while (following := base.with_name(f"{base.name}-{number + 1}")).exists():
        path, number = following, number + 1
    return path


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level, with names such as ``loss.chns``."""
    values: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            values |= flat(value, f"{prefix}{key}.")
        else:
            values[f"{prefix}{key}"] = value
    return values
