"""Does a study: the runs that are missing, the readings, and the files with numbers, table and figure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from brmrs_graph.diagnosis.report.style import save
from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.files import write_bytes
from experiments.comparison.runner import Runner
from experiments.study.base import Cell, Study
from experiments.study.figure import draw
from experiments.study.finished import FinishedRun, LoadedData
from experiments.study.table import markdown, terminal

MAKE_DATA = ("dataset", "planted", "corrupt", "impute", "text_encoder", "image_encoder")
"""Settings from which the data of a run follow."""


def conduct(study: Study) -> dict[str, Any]:
    """Runs what is missing, reads the runs, and writes ``NAME.json``, ``.md``, ``.png`` and ``.svg``.

    Returns:
        The content of the JSON file: every number as mean and standard deviation over seeds, and by seed.

    Raises:
        TrainingError: If runs failed; the others are kept, and nothing is written.
        ConfigError: If runs that should have seen the same data did not.
    """
    cells = study.cells()
    runner = Runner(study.out, study.dataset, study.data_root, study.jobs, study.ray)
    runs = [(tuple(study.options(cell)), seed) for cell in cells for seed in study.seed_list]
    if failures := runner.run(runs, study.title):
        raise TrainingError(f"{len(failures)} of {len(runs)} runs failed; the first said: {failures[0].message}")
    results = summarize(study, cells, runner)
    folder = study.results or study.out
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / study.title
    write_bytes(_with_suffix(path, ".json"), (json.dumps(results, indent=2) + "\n").encode())
    write_bytes(_with_suffix(path, ".md"), markdown(results).encode())
    save(draw(results), path)
    Console().print(terminal(results))
    print(f"{results['command']}\nwritten to {path}.json, .md, .png and .svg")
    return results


def summarize(study: Study, cells: Sequence[Cell], runner: Runner) -> dict[str, Any]:
    """Reads all runs of a study and puts the seeds together.

    Raises:
        ConfigError: If runs that should have seen the same data did not.
    """
    datasets: dict[str, LoadedData] = {}
    rows: dict[tuple[str, str, float | str], dict[str, Any]] = {}
    seen: dict[str, str] = {}
    first: FinishedRun | None = None
    for cell in cells:
        options = study.options(cell)
        folders = [runner.folder(options, seed) for seed in study.seed_list]
        for folder in folders:
            run = FinishedRun(folder, [other for other in folders if other is not folder], datasets)
            first = first or run
            _check_data(seen, run)
            for reading in study.read(cell, run):
                row = rows.setdefault(
                    (reading.panel, cell.arm, reading.x),
                    {
                        "panel": reading.panel,
                        "arm": cell.arm,
                        "x": reading.x,
                        "options": shlex.join(options),
                        "data": run.data_hash,
                        "values": {},
                    },
                )
                for quantity, value in reading.values.items():
                    row["values"].setdefault(quantity, []).append(value)
    assert first is not None, "a study has cells"
    for row in rows.values():
        row["values"] = {quantity: _spread(values) for quantity, values in row["values"].items()}
    panels = list(dict.fromkeys(row["panel"] for row in rows.values()))
    return {
        "name": study.title,
        "study": study.name,
        "asks": study.asks,
        "command": study.command,
        "dataset": study.dataset,
        "data": first.metrics["data"],
        "versions": first.metrics["versions"],
        "seeds": list(study.seed_list),
        "quick": study.quick,
        "drawn": list(study.quantities()),
        "even": study.even,
        "panels": {panel: study.axis(panel) for panel in panels},
        "arms": {cell.arm: cell.objective for cell in cells},
        "rows": sorted(rows.values(), key=lambda row: panels.index(row["panel"])),
    }


def _check_data(seen: dict[str, str], run: FinishedRun) -> None:
    made_from = repr([run.metrics["settings"].get(key) for key in MAKE_DATA])
    if seen.setdefault(made_from, run.data_hash) != run.data_hash:
        raise ConfigError(
            f"the run in {run.folder.path} was made on other data than those before (content hash {run.data_hash}, not "
            f"{seen[made_from]}); choose another --out"
        )


def _spread(values: Sequence[float]) -> Mapping[str, Any]:
    x = np.asarray(values, dtype=np.float64)
    measured = x[np.isfinite(x)]
    return {
        "mean": float(measured.mean()) if measured.size else None,
        "std": float(measured.std(ddof=1)) if measured.size > 1 else None,
        "values": [float(value) if np.isfinite(value) else None for value in x],
    }


def _with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)  # a data set's name may have a dot
