"""Write a trained model for other programs: ``python -m experiments.export --run DIR --out DIR``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import tyro

from brmrs_graph import load
from brmrs_graph.branches import FUSED
from brmrs_graph.errors import ConfigError
from experiments import cli
from experiments.exporting import FORMS, ExportOptions


@dataclass(frozen=True)
class ExportSettings:
    """Write what a trained model recommends, and its vectors, in formats that other programs read.

    lists: the best items of every user with their scores by branch, as Parquet and CSV. embeddings: the vectors of
    every branch as Parquet (embeddings.safetensors of the run has them too). word2vec: the same as text. projector:
    the same for the embedding projector of TensorBoard. faiss: an index of the items (pip install faiss-cpu). scorer:
    a program of torch.export that takes users and gives scores.
    """

    run: Path
    """The folder of a finished run."""
    out: Path
    """Where to write: a folder that is absent or empty."""
    what: tuple[Literal["lists", "embeddings", "word2vec", "projector", "faiss", "scorer"], ...] = (
        "lists",
        "embeddings",
    )
    """Which of those above."""
    n: int = 20
    """Items a user in the lists."""
    branch: str = FUSED
    """The branch that ranks, in the lists, the index and the scorer."""
    filter_seen: bool = True
    """Leave a user's training items out of the lists."""
    threads: int = 0
    """CPU threads; 0: torch's choice."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and exports."""
    export(tyro.cli(ExportSettings, args=list(arguments), prog="python -m experiments.export"))


def export(settings: ExportSettings) -> list[Path]:
    """Writes the folder in one step: it is whole, or as it was.

    Returns:
        The files that were written.

    Raises:
        BRMRSError: If the run is not finished or cannot take one of the forms, or the folder is not empty.
    """
    if not settings.what:
        raise ConfigError(f"--what names nothing to write; choose among {', '.join(FORMS)}")
    out = settings.out.resolve()  # a link is followed, and the working folder may be replaced
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{settings.out} is there already and no empty folder; choose another --out")
    cli.use_threads(settings.threads)
    model = load(settings.run)
    if settings.branch not in model.names:
        raise ConfigError(f"the model has no branch '{settings.branch}'; choose among {', '.join(model.names)}")
    options = ExportOptions(settings.n, settings.branch, settings.filter_seen)
    exports = [FORMS[name](model, options) for name in dict.fromkeys(settings.what)]
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", suffix=".part", dir=out.parent) as aside:
        whole = Path(aside) / out.name
        whole.mkdir()
        for form in exports:
            form.write(whole)
        whole.replace(out)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    for path in files:
        print(f"{path}: {path.stat().st_size:,} bytes")
    return files


if __name__ == "__main__":
    sys.exit(cli.main(command))
