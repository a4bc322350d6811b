"""What each part of the method is for: ``python -m experiments.ablate --dataset NAME --part components``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.training import ObjectiveConfig
from experiments import cli
from experiments.compare import CompareSettings, conduct
from experiments.plan import Arm, Plan, folder_name

Part = Literal["components", "samplers", "choices", "losses"]
REFERENCE = "default"


@dataclass(frozen=True)
class AblateSettings:
    """Change one thing at a time in the objective `default`, and compare each change with it.

    There is a comparison for every part: components (one left out), samplers (other negatives, and whom they train),
    choices (how a cross-modal hard negative is chosen, weighed and guarded) and losses (forms and weights). Finished
    runs are not repeated, whichever comparison made them.
    """

    dataset: str = "boutique"
    """Data set."""
    part: tuple[Part, ...] = get_args(Part)
    """What is changed: one or more of components, samplers, choices and losses."""
    seeds: int = 5
    """Number of seeds."""
    common: str = ""
    """Options for every run, such as "--train.lr 0.005"."""
    data_root: Path | None = None
    """Folder that holds the data set's folder."""
    out: Path = Path("runs/compare")
    """Where runs are kept; those of experiments.compare there are used as well."""
    results: Path | None = None
    """Folder for the results ablation-PART-DATASET.json, with tables and a chart (default: OUT)."""
    jobs: int | None = None
    """Runs at a time, one CPU thread each (default: as many as CPUs; on a cluster as GPUs, if it has any); 0: only put
    together what is finished."""
    ray: str = ""
    """Ray cluster that runs are spread over, HOST:PORT or auto (default: this machine)."""

    def __post_init__(self) -> None:
        """Checks that there is something to do."""
        if self.seeds < 1:
            raise ConfigError(f"seeds is {self.seeds}; it must be at least 1")
        if not self.part:
            raise ConfigError(f"part names nothing; give one or more of {', '.join(get_args(Part))}")


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and compares."""
    ablate(cli.read_options(AblateSettings, arguments, "python -m experiments.ablate"))


def ablate(settings: AblateSettings) -> dict[str, dict[str, Any]]:
    """Carries out the comparison of every part.

    Returns:
        The results by part.

    Raises:
        TrainingError: If runs failed; the results of the others are written, and all parts are gone through first.
    """
    results, failures = {}, []
    for part in dict.fromkeys(settings.part):
        plan = ablation(part, settings.dataset, settings.seeds, shlex.split(settings.common))
        where = CompareSettings(
            data_root=settings.data_root,
            out=settings.out,
            results=settings.results and settings.results / f"{plan.name}.json",
            jobs=settings.jobs,
            ray=settings.ray,
        )
        try:
            results[part] = conduct(plan, where, _command(settings, part))
        except TrainingError as error:
            failures.append(f"{part}: {error}")
    if failures:
        raise TrainingError("; ".join(failures))
    return results


def ablation(part: Part, dataset: str, seeds: int, common: Sequence[str] = ()) -> Plan:
    """The comparison of the objective ``default`` with what one change makes of it.

    A change that changes nothing, since ``default`` has it, is left out.

    Args:
        part: What is changed.
        dataset: Data set.
        seeds: Number of seeds.
        common: Options for every run.
    """
    arms: dict[str, Arm] = {}
    for name, options in {REFERENCE: (), **_changes(part)}.items():
        arm = Arm(name, options if "--objective" in options else ("--objective", REFERENCE, *options))
        arms.setdefault(folder_name(("--dataset", dataset, *common, *arm.options)), arm)
    return Plan(
        f"ablation-{part}-{dataset}",
        dataset,
        tuple(arms.values()),
        REFERENCE,
        tuple(range(1, seeds + 1)),
        common=tuple(common),
    )


def _changes(part: Part) -> dict[str, tuple[str, ...]]:
    """What a part changes: its name in tables -> options."""
    if part == "components":
        return {
            "without CHNS": ("--loss.chns", "0"),
            "without synergy": ("--loss.synergy", "0"),
            "without DNS": ("--loss.fused-negatives", "uniform"),
            "without branch BPR": ("--loss.branch", "0"),
            "without item graph": ("--model.item-layers", "0"),
            "BPR alone": ("--objective", "bpr"),
        }
    if part == "samplers":
        return {
            **_every("fused negatives", "fused_negatives"),
            **_every("candidates", "chns_form"),
            **_every("trained", "chns_assign"),
        }
    if part == "choices":
        return {
            **_every("choice", "chns_choice"),
            **_every("weighting", "chns_weighting"),
            "without co-purchased": ("--loss.avoid-copurchased",),
            "without near-duplicates": ("--loss.avoid-duplicates",),
            **{f"curriculum {epochs}": ("--loss.curriculum", epochs) for epochs in ("0", "10")},
            **{f"kappa {weight}": ("--loss.chns-fused", weight) for weight in ("0", "1")},
        }
    return {
        "synergy off": ("--loss.synergy", "0"),
        **_every("synergy", "synergy_form"),
        "theta 0.1": ("--loss.theta", "0.1"),
        **{f"CHNS weight {weight}": ("--loss.chns", weight) for weight in ("0.3", "1", "3")},
        "CHNS weight 3, synergy off": ("--loss.chns", "3", "--loss.synergy", "0"),
        "CHNS off, synergy weight 3": ("--loss.chns", "0", "--loss.synergy", "3"),
    }


def _every(label: str, field: str) -> dict[str, tuple[str, ...]]:
    """Every value that a field of the objective may have."""
    option = f"--loss.{field.replace('_', '-')}"
    return {f"{label} {value}": (option, value) for value in get_args(get_type_hints(ObjectiveConfig)[field])}


def _command(settings: AblateSettings, part: Part) -> str:
    words = ["python", "-m", "experiments.ablate", "--dataset", settings.dataset, "--part", part]
    words += ["--seeds", str(settings.seeds)]
    return cli.line_with(words, settings.common)


if __name__ == "__main__":
    sys.exit(cli.main(command))
