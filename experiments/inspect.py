"""Look through a trained run: ``python -m experiments.inspect --run DIR``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import tyro

from brmrs_graph.errors import ConfigError
from brmrs_graph.inspection.explorer import ExplorerConfig, write_explorer
from experiments import cli
from experiments.catalog import load_for
from experiments.report import what_ran
from experiments.trained import Trained, read_trained

PROGRAM = "python -m experiments.inspect"


@dataclass(frozen=True)
class InspectSettings:
    """Write the explorer of a trained run: one page to look through its items, their neighbours, and its users.

    The page opens from the disk in any browser of today and needs no network.
    """

    run: Path
    """The run folder."""
    data_root: Path | None = None
    """Folder that holds the data set's folder (default: the one that the run was made with)."""
    out: Path | None = None
    """The page (default: RUN/explorer.html)."""
    page: ExplorerConfig = field(default_factory=ExplorerConfig)
    """What goes into the page."""
    threads: int = 0
    """CPU threads; 0: torch's choice."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and writes the page."""
    inspect(tyro.cli(InspectSettings, args=list(arguments), prog=PROGRAM))


def inspect(settings: InspectSettings) -> Path:
    """Writes the explorer of a run.

    Returns:
        The page.

    Raises:
        BRMRSError: If the run is not finished, or its data set is missing or has changed.
    """
    cli.use_threads(settings.threads)
    models = read_trained([settings.run])
    if sum(len(model.folders) for model in models) > 1:
        runs = ", ".join(str(folder.path) for model in models for folder in model.folders)
        raise ConfigError(f"there are several runs in {settings.run}; give one of them: {runs}")
    (model,) = models
    run = model.folders[0].read_settings()
    if settings.data_root:
        run = replace(run, data_root=settings.data_root)
    data = load_for(run)
    if model.data_hash != data.content_hash:
        raise ConfigError(
            f"{settings.run} was trained on other data (content hash {model.data_hash}) than '{data.name}' is now "
            f"({data.content_hash}); give the folder that holds them by --data-root, or train anew"
        )
    page = write_explorer(
        data.rotated(run.feature_dim),
        model.folders[0].read_branches(),
        settings.out or settings.run / "explorer.html",
        title=f"{what_ran(run.model, run.objective, run.plug)} on {run.dataset}",
        facts=_facts(model),
        config=settings.page,
    )
    if data.pictures is None:
        print(f"note: '{data.name}' has no folder images/, so that the page shows no pictures; see docs/explorer.md")
    print(f"written: {page} ({page.stat().st_size / 1e6:.1f} MB); open it in a browser")
    return page


def _facts(model: Trained) -> list[tuple[str, str]]:
    metrics = model.metrics[0]
    recall = {"fused": metrics["test"], **metrics["branches"]["test"]}
    scores = ", ".join(f"{name} {of_branch['recall@20']:.4f}" for name, of_branch in recall.items())
    return [("Seed", str(metrics["seed"])), ("Recall@20 on test", scores)]


if __name__ == "__main__":
    sys.exit(cli.main(command))
