"""Finished runs, put together by what they have in common: runs that differ in the seed alone are one trained model."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from brmrs_graph.errors import ConfigError
from experiments.plan import folder_name
from experiments.report import with_plugs
from experiments.runfolder import MAY_DIFFER, RunFolder, flat
from experiments.settings import to_dict


@dataclass(frozen=True)
class Trained:
    """Finished runs of the same settings with several seeds.

    Args:
        name: Short and unique among the models it is shown with.
        folders: The run folders, by seed.
        metrics: Their ``metrics.json``.
        options: Setting -> value, without the seed and without what changes nothing (places, device, threads).
    """

    name: str
    folders: tuple[RunFolder, ...]
    metrics: tuple[dict[str, Any], ...]
    options: dict[str, Any]

    @property
    def seeds(self) -> list[int]:
        """The seeds, in the order of the folders."""
        return [int(metrics["seed"]) for metrics in self.metrics]

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """The unimodal branches of the model."""
        return self.folders[0].read_modalities()

    @property
    def data_hash(self) -> str:
        """Content hash of the data that the runs saw."""
        return str(self.metrics[0]["data"]["hash"])


def read_trained(paths: Iterable[Path]) -> list[Trained]:
    """Reads finished runs and puts those together that differ in the seed alone.

    Args:
        paths: Run folders, and folders that hold run folders (as ``experiments.compare`` keeps the seeds of an arm).

    Returns:
        The models, in the order in which they were first met.

    Raises:
        ConfigError: If there is no finished run in a path, or runs of one model saw different data.
    """
    groups: dict[str, list[tuple[int, RunFolder, dict[str, Any], dict[str, Any]]]] = {}
    for folder in dict.fromkeys(folder.resolve() for path in paths for folder in _run_folders(path)):
        run = RunFolder(folder)
        metrics = run.read_metrics()
        if metrics is None:
            raise ConfigError(f"the run in {folder} is not finished; go on with it by experiments.run --resume")
        options = {
            key: value
            for key, value in flat(to_dict(run.read_settings())).items()
            if key.split(".")[0] not in MAY_DIFFER and key != "seed"
        }
        groups.setdefault(repr(sorted(options.items())), []).append((int(metrics["seed"]), run, metrics, options))
    models = []
    for runs in groups.values():
        runs.sort(key=lambda run: run[0])
        options = runs[0][3]
        if len(hashes := sorted({run[2]["data"]["hash"] for run in runs})) > 1:
            raise ConfigError(
                f"the runs of {options['objective']} in {runs[0][1].path.parent} saw different data (content hashes "
                f"{', '.join(hashes)}); make them anew on one"
            )
        models.append(Trained(str(options["objective"]), tuple(r[1] for r in runs), tuple(r[2] for r in runs), options))
    return named(models)


def named(models: Sequence[Trained]) -> list[Trained]:
    """The models with names that tell them apart, and no longer ones than that takes."""
    names = _names([model.options for model in models])
    return [replace(model, name=name) for model, name in zip(models, names, strict=True)]


def read_comparison(results: Path, runs: Path, arms: Sequence[str] = ()) -> list[Trained]:
    """The chosen runs of the arms of a comparison.

    Args:
        results: JSON file of ``experiments.compare``.
        runs: The folder in which it kept the runs (its ``--out``).
        arms: Names of the arms (default: all), the reference first.

    Raises:
        ConfigError: If the file is no such file, an arm is unknown, or runs are missing.
    """
    try:
        content = json.loads(results.read_text())
        dataset, kept, reference = (content[key] for key in ("dataset", "arms", "reference"))
        options = {name: shlex.split(arm["options"]) for name, arm in kept.items()}
        seeds = {name: list(arm["seeds"]) for name, arm in kept.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{results} cannot be read as the results of experiments.compare: {error!r}") from error
    if unknown := [name for name in arms if name not in options]:
        raise ConfigError(f"{results} has no arm {', '.join(unknown)}; choose among {', '.join(options)}")
    models = []
    for name in arms or sorted(options, key=lambda name: name != reference):
        folder = runs / dataset / folder_name(options[name])
        (model,) = read_trained(folder / str(seed) for seed in seeds[name])
        models.append(replace(model, name=name))
    return models


def differing_options(models: Sequence[Trained]) -> list[dict[str, Any]]:
    """The settings of every model in which the models differ."""
    keys = dict.fromkeys(key for model in models for key in model.options)
    different = [key for key in keys if len({repr(model.options.get(key)) for model in models}) > 1]
    return [{key: model.options[key] for key in different if key in model.options} for model in models]


def _run_folders(path: Path) -> list[Path]:
    if (path / "config.yaml").is_file():
        return [path]
    folders = sorted(inner.parent for inner in path.glob("*/config.yaml") if (inner.parent / "metrics.json").is_file())
    if not folders:
        raise ConfigError(f"there is no finished run in {path}; train one with experiments.run and give its folder")
    return folders


def _names(options: Sequence[dict[str, Any]]) -> list[str]:
    # The objective and what is plugged in name a model; where that is not enough the model does too, then what differs.
    names = [with_plugs(option["objective"], option.get("plug", "")) for option in options]
    if len({option["model"] for option in options}) > 1:
        names = [f"{option['model']} / {name}" for option, name in zip(options, names, strict=True)]
    for name in {name for name in names if names.count(name) > 1}:
        same = [number for number, other in enumerate(names) if other == name]
        keys = dict.fromkeys(key for number in same for key in options[number])
        differ = [key for key in keys if len({repr(options[number].get(key)) for number in same}) > 1]
        for number in same:
            told = " ".join(f"{key} {options[number].get(key)}" for key in differ)
            names[number] = f"{name} ({told})"
    return names
