"""Diagnose trained runs: ``python -m experiments.diagnose --run DIR [--against DIR …]``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from tqdm import tqdm

from brmrs_graph.branches import Branches
from brmrs_graph.data.planted import TYPES
from brmrs_graph.diagnosis import (
    Diagnosed,
    candidate_sets,
    diagnose_model,
    diagnosis_record,
    item_pair_cases,
    lost_users,
)
from brmrs_graph.errors import ConfigError
from brmrs_graph.files import write_bytes
from brmrs_graph.training import PRESETS
from experiments import cli
from experiments.catalog import load_for, planted_data
from experiments.report import diagnosis_table, what_ran
from experiments.run_results import versions
from experiments.settings import RunSettings
from experiments.trained import Trained, differing_options, named, read_comparison, read_trained

PROGRAM = "python -m experiments.diagnose"


@dataclass(frozen=True)
class DiagnoseSettings:
    """Measure where the modalities of trained models help, and where fusing them hurts.

    Writes diagnosis.json, figures/ (PNG and SVG) and report.html, one page that needs no network. Runs that differ in
    the seed alone count as one model with several seeds, whose spread gives intervals and chance. Runs of one modality
    are what the others are compared with as "trained alone". Runs of other models of the same data are shown beside the
    first.
    """

    run: Path | None = None
    """The run folder, or a folder of runs that differ in the seed (as experiments.compare keeps them)."""
    against: tuple[Path, ...] = ()
    """Further run folders: other seeds, models of one modality, other models; the first other one is "before"."""
    comparison: tuple[Path, ...] = ()
    """Instead of --run: results of experiments.compare (JSON); all its arms, the reference first."""
    arms: tuple[str, ...] = ()
    """Which arms of the first comparison, in this order."""
    runs: Path = Path("runs/compare")
    """Where experiments.compare kept the runs of a comparison (its --out)."""
    data_root: Path | None = None
    """Folder that holds the data set's folder (default: the one that the run was made with)."""
    out: Path | None = None
    """Where to write (default: RUN/diagnosis, or OUT of the comparison's name beside its runs)."""
    results: Path | None = None
    """Also writes the numbers alone, without case studies, to this JSON file."""
    threads: int = 0
    """CPU threads; 0: torch's choice."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and diagnoses."""
    diagnose(tyro.cli(DiagnoseSettings, args=list(arguments), prog=PROGRAM))


def diagnose(settings: DiagnoseSettings) -> dict[str, Any]:
    """Diagnoses runs and writes what was found.

    Returns:
        The content of ``diagnosis.json``.

    Raises:
        BRMRSError: If runs are not finished, do not fit together, or have no unimodal branches.
    """
    from brmrs_graph.diagnosis.report import write_report  # says what to install before anything is computed

    cli.use_threads(settings.threads)
    models, single, out = _choose(settings)
    run = models[0].folders[0].read_settings()
    if settings.data_root:
        run = replace(run, data_root=settings.data_root)
    data = load_for(run)
    for model in (*models, *single):
        if model.data_hash != data.content_hash:
            raise ConfigError(
                f"{model.folders[0].path} was trained on other data (content hash {model.data_hash}) than "
                f"'{data.name}' is now ({data.content_hash}); give the folder that holds them by --data-root, diagnose "
                "runs of the same data together, or train anew"
            )
    sets = candidate_sets(data.rotated(run.feature_dim))
    types = _types(run)
    diagnosed = []
    for model, options in tqdm(
        list(zip(models, differing_options(models), strict=True)), unit="model", leave=False, disable=None
    ):
        runs = [folder.read_branches() for folder in model.folders]
        diagnosis = diagnose_model(runs, data, sets, alone=_alone(model, single), types=types)
        diagnosed.append(Diagnosed(model.name, _title(model), diagnosis, model.seeds, options))
    after, *before = (model.folders[0].read_branches() for model in models[:2])
    modalities = models[0].modalities
    record = diagnosis_record(
        diagnosed,
        data,
        pairs=item_pair_cases(data, sets, after, before[0] if before else None),
        users=lost_users(diagnosed[0].diagnosis.rankings[0], modalities, data),
        command=_command(settings),
        versions=versions(),
    )
    out.mkdir(parents=True, exist_ok=True)
    write_bytes(out / "diagnosis.json", (json.dumps(record, indent=2, allow_nan=False) + "\n").encode())
    if settings.results:
        numbers = json.dumps(record | {"cases": {"pairs": [], "users": []}}, allow_nan=False)
        write_bytes(settings.results, (numbers + "\n").encode())
    page = write_report(record, data, out)
    Console().print(diagnosis_table(record))
    print(f"written to {out}; open {page}")
    return record


def _choose(settings: DiagnoseSettings) -> tuple[list[Trained], list[Trained], Path]:
    """The models, those of one modality, and where to write."""
    if (settings.run is None) == (not settings.comparison):
        raise ConfigError("give either --run DIR or --comparison RESULTS.json, see --help")
    if settings.run is not None:
        everything = read_trained([settings.run, *settings.against])
        out = settings.run / "diagnosis"
    else:
        first, *others = settings.comparison
        everything = read_comparison(first, settings.runs, settings.arms)
        for path in others:
            everything += read_comparison(path, settings.runs)
        everything += read_trained(settings.against)
        out = settings.runs / f"diagnosis-{first.stem}"
    for model in everything:
        if not model.modalities:
            raise ConfigError(
                f"the model in {model.folders[0].path} has no unimodal branches ({model.options['model']}): there is "
                "nothing to diagnose; leave it out, or give a run of a model that has them"
            )
    models, single = (
        [model for model in everything if (len(model.modalities) == 1) == alone] for alone in (False, True)
    )
    if settings.run is not None:
        models = named(models)
    if len(everything[0].modalities) == 1:
        raise ConfigError(
            f"the model in {everything[0].folders[0].path} has one modality alone, so that nothing is fused; give it "
            "with --against, and a model of several modalities first"
        )
    return models, single, settings.out or out


def _alone(model: Trained, single: Sequence[Trained]) -> Mapping[str, Sequence[Branches]]:
    """Modality -> the models trained alone: those with the same objective, or else those of the best validation."""
    chosen: dict[str, Trained] = {}
    for candidate in single:
        (modality,) = candidate.modalities
        best = chosen.get(modality)
        if best is None or _preference(candidate, model) > _preference(best, model):
            chosen[modality] = candidate
    return {m: [folder.read_branches() for folder in chosen[m].folders] for m in model.modalities if m in chosen}


def _preference(candidate: Trained, model: Trained) -> tuple[bool, float]:
    valid = [metrics["valid"]["recall@20"] for metrics in candidate.metrics]
    return candidate.options["objective"] == model.options["objective"], sum(valid) / len(valid)


def _command(settings: DiagnoseSettings) -> str:
    """The command without what says only where things are written and how."""
    words: list[str] = []
    for name in ("run", "against", "comparison", "arms"):
        if value := getattr(settings, name):
            words += [f"--{name}", *map(str, value if isinstance(value, tuple) else (value,))]
    return f"{PROGRAM} {shlex.join(words)}{' --data-root DIR' if settings.data_root else ''}"


def _types(run: RunSettings) -> list[str] | None:
    if run.planted is None:
        return None
    return [TYPES[letter] for letter in planted_data(run.planted).types]


def _title(model: Trained) -> str:
    objective = str(model.options["objective"])
    return f"{what_ran(model.options['model'], objective, model.options.get('plug', ''))}: {PRESETS[objective][0]}"


if __name__ == "__main__":
    sys.exit(cli.main(command))
