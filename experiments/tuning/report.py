"""What a search found: table, JSON, and the plan of the comparison that confirms it. Validation figures alone."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import yaml
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from experiments.run_results import versions
from experiments.tuning.budget import Tuning
from experiments.tuning.contender import FIRST, Contender
from experiments.tuning.studies import FINISHED, Studies
from experiments.tuning.trial import DATA, DIVERGED, EPOCHS, ERROR, OPTIONS

METRIC = "valid recall@20"


def results(tuning: Tuning, studies: Studies, command: str) -> dict[str, Any]:
    """The state of all studies as values that JSON can hold.

    Args:
        tuning: What is tuned.
        studies: Its studies.
        command: Repeats it, or goes on.
    """
    return {
        "name": f"tune-{tuning.plan.dataset}",
        "command": command,
        "dataset": tuning.plan.dataset,
        "metric": METRIC,
        "trials": tuning.trials,
        "seed": tuning.plan.trial_seeds[0],
        "common": shlex.join(tuning.plan.common),
        "versions": versions(),
        "models": {contender.model: _model(contender, studies) for contender in tuning.contenders},
    }


def table(found: Mapping[str, Any]) -> Table:
    """The table of results for the terminal: the best trial of every model, the best of all in bold."""
    shown = Table(
        title=f"{found['name']}: the best of {found['trials']} trials by validation",
        title_justify="left",
        caption="pruned: fell behind or diverged; failed ones are not among the trials",
        caption_justify="left",
    )
    for name in ("model", "trials", "valid R@20", "seconds", "best options"):
        shown.add_column(name, justify="left" if name in ("model", "best options") else "right")
    values = [model["best"]["value"] for model in found["models"].values() if model["best"]]
    for name, model in found["models"].items():
        best = model["best"]
        counts = [str(model["finished"]), *(f"{model[key]} {key}" for key in ("pruned", "failed") if model[key])]
        options = (best["options"].removeprefix("--") or f"({best['start']})") if best else ""
        shown.add_row(
            name,
            "\n".join(counts),
            f"{best['value']:.4f}" if best else "none",
            f"{model['seconds']:.0f}",
            options.replace(" --", "\n"),
            style="bold" if best and best["value"] == max(values) else "",
        )
    return shown


def plan_text(tuning: Tuning, found: Mapping[str, Any]) -> str:
    """The plan that confirms the best trials on five seeds, that of the trials first; empty where there is none."""
    arms = {
        contender.model: {"options": shlex.join((*contender.arm.options, *shlex.split(best["options"])))}
        for contender in tuning.contenders
        if (best := found["models"][contender.model]["best"])
    }
    if not arms:
        return ""
    plan = tuning.plan
    head = {
        "dataset": plan.dataset,
        "seeds": [plan.trial_seeds[0] + i for i in range(5)],
        "reference": next(iter(arms)),
        **({"common": shlex.join(plan.common)} if plan.common else {}),
    }
    return (
        f"# Options with the best validation Recall@20 of {tuning.trials} trials a model, the test unseen. Written by\n"
        f"#   {found['command']}\n"
        + yaml.safe_dump(head, sort_keys=False, default_flow_style=None, width=110)
        + yaml.safe_dump({"arms": arms}, sort_keys=False, width=110)
    )


def _model(contender: Contender, studies: Studies) -> dict[str, Any]:
    trials = studies.trials_of(contender)
    finished = [trial for trial in trials if trial.state in FINISHED]
    complete = [trial for trial in finished if trial.state == TrialState.COMPLETE]
    best = max(complete, key=lambda trial: trial.value or 0.0, default=None)  # of equal ones the first
    return {
        "objective": contender.objective,
        "study": contender.study,
        "budget": contender.budget(studies.trials),
        "finished": len(finished),
        "pruned": sum(trial.state == TrialState.PRUNED for trial in finished),
        "failed": sum(trial.state == TrialState.FAIL and ERROR in trial.user_attrs for trial in trials),
        "seconds": sum(_seconds(trial) for trial in finished),
        "data": next((trial.user_attrs[DATA] for trial in complete), None),
        "start": shlex.join(contender.arm.options),
        "space": {option: _describe(distribution) for option, distribution in contender.space.items()},
        "best": best and _trial(best) | {"start": contender.start},
        "trials": [_trial(trial) for trial in finished],
    }


def _trial(trial: FrozenTrial) -> dict[str, Any]:
    values = {
        "number": trial.number,
        "state": "diverged" if DIVERGED in trial.user_attrs else trial.state.name.lower(),
        "value": trial.value if trial.state == TrialState.COMPLETE else None,
        "epochs": trial.user_attrs.get(EPOCHS),
        "seconds": round(_seconds(trial), 1),
        "options": trial.user_attrs.get(OPTIONS, ""),
    }
    return values | ({"first": True} if trial.user_attrs.get(FIRST) else {})


def _seconds(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else 0.0


def _describe(distribution: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    return {"low": distribution.low, "high": distribution.high, "log": distribution.log}
