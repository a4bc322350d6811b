"""What follows from the runs of a comparison: means, deviations, groups and paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from brmrs_graph.diagnosis.groups import DegreeGroups, degree_groups
from brmrs_graph.errors import ConfigError
from brmrs_graph.evaluation import holm, paired_bootstrap
from brmrs_graph.models import model_class
from experiments.comparison.held_out import Floats, TestPairs
from experiments.comparison.ledger import Ledger
from experiments.comparison.record import Metrics, RunRecord
from experiments.comparison.runner import Failure, Run
from experiments.plan import Arm, Plan, settings_of

METRICS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
CHOSEN_BY = "recall@20"


def choose(plan: Plan, arm: Arm, ledger: Ledger) -> tuple[str, ...] | None:
    """The trial of an arm with the best mean validation metric; None where there are several and none is finished."""
    if len(arm.trials) == 1:
        return arm.trials[0]
    values = {trial: value for trial in arm.trials if (value := _validation(plan, arm, trial, ledger)) is not None}
    return max(values, key=lambda trial: values[trial]) if values else None


def summarize(
    plan: Plan,
    ledger: Ledger,
    chosen: Mapping[str, tuple[str, ...] | None],
    failures: Sequence[Failure] = (),
    command: str = "",
) -> dict[str, Any]:
    """The results of a comparison, as values that JSON can hold.

    Args:
        plan: The comparison.
        ledger: Knows the runs.
        chosen: The chosen trial of every arm.
        failures: Runs that failed.
        command: Repeats the comparison.

    Raises:
        ConfigError: If the reference has no finished run, or runs were made on different data.
    """
    finals = {
        arm.name: ledger.records(plan.final_runs(arm, trial), test=True)
        for arm in plan.arms
        if (trial := chosen[arm.name]) is not None
    }
    finals = {name: records for name, records in finals.items() if records}
    if plan.reference not in finals:
        why = f": {failures[0].message}" if failures else ""
        raise ConfigError(f"the reference '{plan.reference}' has no finished run, so nothing can be compared{why}")
    trials = [run for arm in plan.arms for trial in arm.trials for run in plan.trial_runs(arm, trial)]
    records = {(r.key, r.seed): r for r in [*ledger.records(trials), *(r for rs in finals.values() for r in rs)]}
    last = [run for arm in plan.arms if arm.name in finals for run in plan.final_runs(arm, chosen[arm.name] or ())]
    _check_same_data(plan, [*trials, *last], ledger)
    pairs = ledger.pairs
    by_user = {
        name: np.stack([pairs.recall(r.found) for r in runs if r.found is not None]) for name, runs in finals.items()
    }
    arms = [arm for arm in plan.arms if arm.name in finals]
    groups = degree_groups(torch.from_numpy(pairs.degree))
    return {
        "name": plan.name,
        "command": command,
        "dataset": plan.dataset,
        **ledger.about(last),
        "seeds": list(plan.seeds),
        "trial_seeds": list(plan.trial_seeds),
        "reference": plan.reference,
        "arms": {arm.name: _arm(plan, arm, chosen[arm.name] or (), finals[arm.name], ledger, groups) for arm in arms},
        "not_finished": [arm.name for arm in plan.arms if arm.name not in finals],
        "against_reference": _tests(
            {(plan.reference, arm.name): arm.name for arm in arms if arm.name != plan.reference}, by_user
        ),
        "gains": _tests({(arm.name, arm.against): arm.name for arm in arms if arm.against in by_user}, by_user),
        "failures": [{"options": " ".join(f.options), "seed": f.seed, "message": f.message} for f in failures],
        "held_out": pairs.to_json(),
        "runs": [record.to_json() for record in records.values()],
    }


def _arm(
    plan: Plan,
    arm: Arm,
    trial: tuple[str, ...],
    records: Sequence[RunRecord],
    ledger: Ledger,
    groups: DegreeGroups,
) -> dict[str, Any]:
    return {
        "options": " ".join(plan.options(arm, trial)),
        "trials": {
            " ".join(trial): _validation(plan, arm, trial, ledger) for trial in arm.trials if len(arm.trials) > 1
        },
        "seeds": [record.seed for record in records],
        "valid": _spread([record.valid for record in records]),
        "test": _spread([record.test or {} for record in records]),
        "branches": {
            branch: _spread([(record.branches or {})[branch] for record in records])
            for branch in records[0].branches or {}
        },
        "by_degree": _by_degree(ledger.pairs, groups, records),
        "epochs": [record.epochs for record in records],
        "seconds": [record.seconds for record in records],
        "memory_gib": max(record.memory for record in records),
        "devices": sorted({record.device for record in records}),
    }


def _by_degree(pairs: TestPairs, groups: DegreeGroups, records: Sequence[RunRecord]) -> dict[str, dict[str, float]]:
    """Recall@20 of the test pairs in groups by the training interactions of their items."""
    values: dict[str, dict[str, float]] = {}
    for number, label in enumerate(groups.labels):
        among = (groups.index == number).numpy()
        by_seed = [pairs.recall(r.found, among).mean() for r in records if r.found is not None]
        values[label] = _mean(by_seed) | {"pairs": int(among.sum())}
    return values


def _tests(wanted: Mapping[tuple[str, str], str], by_user: Mapping[str, Floats]) -> dict[str, dict[str, Any]]:
    """Paired tests of (first, second) arms, filed under a name each, with p-values adjusted for their number."""
    differences = {
        name: (first, second, paired_bootstrap(by_user[first], by_user[second]))
        for (first, second), name in wanted.items()
    }
    adjusted = holm({name: difference.p_value for name, (_, _, difference) in differences.items()})
    return {
        name: {
            "metric": f"test recall@20, {first} minus {second}",
            "against": second,
            "mean": difference.mean,
            "low": difference.low,
            "high": difference.high,
            "p": difference.p_value,
            "p_holm": adjusted[name],
        }
        for name, (first, second, difference) in differences.items()
    }


def _validation(plan: Plan, arm: Arm, trial: tuple[str, ...], ledger: Ledger) -> float | None:
    """The mean validation metric of a trial; None until all its seeds are finished, as one alone may be lucky."""
    runs = plan.trial_runs(arm, trial)
    records = ledger.records(runs)
    if not runs or len(records) < len(runs):
        return None
    return float(np.mean([record.valid[CHOSEN_BY] for record in records]))


def _check_same_data(plan: Plan, runs: Sequence[Run], ledger: Ledger) -> None:
    hashes: dict[tuple[Any, ...], set[str]] = {}
    for run in runs:
        if (record := ledger.record(run)) is not None:
            settings = settings_of(run[0])
            # Models without content read the data set without its features, which has a hash of its own.
            reads = (model_class(record.model).needs_content, settings.text_encoder, settings.image_encoder)
            hashes.setdefault((*reads, settings.corrupt, settings.impute), set()).add(record.data)
    for found in hashes.values():
        if len(found) > 1:
            raise ConfigError(
                f"the runs of {plan.name} were made on different data (content hashes {', '.join(sorted(found))}); "
                "choose another --out and --results"
            )


def _spread(metrics: Sequence[Metrics]) -> dict[str, dict[str, float]]:
    return {name: _mean([m[name] for m in metrics]) for name in METRICS}


def _mean(values: Sequence[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0}
