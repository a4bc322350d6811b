"""Takes trials from the studies until the budget is spent."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from brmrs_graph.errors import BRMRSError
from experiments.comparison.runner import Runner
from experiments.executors.base import Executor
from experiments.plan import Plan
from experiments.tuning.contender import Contender
from experiments.tuning.studies import Studies
from experiments.tuning.trial import DIVERGED, EPOCHS, ERROR, OPTIONS, BudgetSpentError, Objective

POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Tuning:
    """All that is needed to do trials.

    Args:
        plan: An arm for each contender, and the seed of the trials.
        contenders: What is tuned.
        runner: Knows where the folders are, and what carries out the runs.
        storage: URL of the storage.
        trials: Trials for each contender.
        prune: Whether trials that fall behind are pruned.
    """

    plan: Plan
    contenders: tuple[Contender, ...]
    runner: Runner
    storage: str
    trials: int
    prune: bool

    def open(self) -> Studies:
        """The studies.

        Raises:
            ConfigError: If the storage cannot be used.
        """
        return Studies(
            self.storage, self.contenders, trials=self.trials, seed=self.plan.trial_seeds[0], prune=self.prune
        )


def spend(tuning: Tuning, studies: Studies) -> dict[str, str]:
    """Does trials until every contender has its budget; waits for those that other commands run.

    Returns:
        What stopped the contenders that could not be run, by model.

    Raises:
        ConfigError: If the cluster cannot be used.
        KeyboardInterrupt: After Ctrl-C; trials that were running wait in the storage for the next command.
    """
    errors: dict[str, str] = {}
    waiting = False
    with tuning.runner.executor() as executor:
        while any(not studies.count(c).done for c in tuning.contenders if c.model not in errors):
            if studies.next(without=errors) is not None:
                left = sum(studies.count(c).left for c in tuning.contenders if c.model not in errors)
                threads = range(min(executor.slots, left))
                for _ in executor.map(lambda _: do_trials(tuning, studies, executor, errors), threads):
                    pass
                continue
            if not waiting:
                running = sum(studies.count(c).running for c in tuning.contenders)
                print(
                    f"waiting for {running} trials that other commands run, or ran before they were killed", flush=True
                )
            waiting = True
            executor.pause(POLL_SECONDS)
    return errors


def do_trials(tuning: Tuning, studies: Studies, executor: Executor, errors: dict[str, str]) -> None:
    """Does trials, one after the other, as long as there are any that nobody has begun.

    Args:
        tuning: What is tuned.
        studies: Its studies; several threads may use them.
        executor: What carries out the runs.
        errors: Models that could not be run, which are left out; others are added.
    """

    def tell(study: Study, trial: FrozenTrial) -> None:
        if (line := _line(contender, trial, studies)) is not None:
            print(line, flush=True)
        if ERROR in trial.user_attrs and trial.state == TrialState.FAIL:
            errors[contender.model] = trial.user_attrs[ERROR]

    while (contender := studies.next(without=errors)) is not None:
        try:
            # A copy, since every trial has a sampler of its own.
            copy(studies[contender]).optimize(
                Objective(contender, tuning.plan, tuning.runner, studies, executor),
                n_trials=1,
                catch=(BudgetSpentError, BRMRSError, OSError),
                callbacks=[tell],
            )
        except ValueError as error:
            # The machine slept for longer than the grace period, and another process goes on with the trial.
            if not str(error).startswith("Cannot tell a FAIL trial"):
                raise
            print(f"{contender.model}: another process has taken over a trial that gave no sign of life", flush=True)


def _line(contender: Contender, trial: FrozenTrial, studies: Studies) -> str | None:
    count = studies.count(contender)
    head = f"{contender.model} {count.finished}/{count.budget}:"
    options = trial.user_attrs.get(OPTIONS) or f"({contender.start})"
    if trial.state == TrialState.COMPLETE:
        seconds = trial.duration.total_seconds() if trial.duration else 0.0
        return f"{head} valid R@20 {trial.value:.4f}, {seconds:.0f} s {options}"
    if DIVERGED in trial.user_attrs:
        return f"{head} diverged {options}"
    if trial.state == TrialState.PRUNED:
        return f"{head} pruned after {trial.user_attrs.get(EPOCHS)} epochs {options}"
    return f"{head} failed {options}: {trial.user_attrs[ERROR]}" if ERROR in trial.user_attrs else None
