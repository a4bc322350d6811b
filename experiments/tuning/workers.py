"""Processes that take trials from the studies until the budget is spent."""

from __future__ import annotations

import multiprocessing
import signal
import time
from dataclasses import dataclass
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from brmrs_graph.errors import BRMRSError, TrainingError
from experiments.comparison.runner import Runner
from experiments.plan import Plan
from experiments.tuning.contender import Contender
from experiments.tuning.studies import Studies
from experiments.tuning.trial import DIVERGED, EPOCHS, ERROR, OPTIONS, BudgetSpentError, Objective

POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Tuning:
    """All that a process needs to know to do trials.

    Args:
        plan: An arm for each contender, and the seed of the trials.
        contenders: What is tuned.
        runner: Knows where the folders are, and how many processes work.
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
    """Does trials until every contender has its budget; waits for those that other processes run.

    Returns:
        What stopped the contenders that could not be run, by model.

    Raises:
        TrainingError: If a worker process died.
    """
    errors: dict[str, str] = {}
    waiting = False
    while any(not studies.count(c).done for c in tuning.contenders if c.model not in errors):
        if studies.next(without=errors) is not None:
            errors |= _work(tuning, studies, errors)
            continue
        if not waiting:
            running = sum(studies.count(c).running for c in tuning.contenders)
            print(f"waiting for {running} trials that other processes run, or ran before they were killed", flush=True)
        waiting = True
        time.sleep(POLL_SECONDS)
    return errors


def _work(tuning: Tuning, studies: Studies, errors: dict[str, str]) -> dict[str, str]:
    left = sum(studies.count(c).left for c in tuning.contenders if c.model not in errors)
    if min(tuning.runner.jobs, left) == 1:
        return do_trials(tuning, studies, errors)
    # Fresh processes: a copy of one that has used torch's threads or the storage may hang.
    context = multiprocessing.get_context("spawn")
    found = context.SimpleQueue()
    workers = [
        context.Process(target=_worker, args=(tuning, errors, found)) for _ in range(min(tuning.runner.jobs, left))
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
        raise
    if codes := [worker.exitcode for worker in workers if worker.exitcode]:
        raise TrainingError(
            f"{len(codes)} of {len(workers)} worker processes ended with code {codes[0]} (-9: killed, usually for want "
            "of memory; fewer --jobs need less); finished trials are kept, and the same command goes on"
        )
    return {model: message for _ in workers for model, message in found.get().items()}


def _worker(tuning: Tuning, errors: dict[str, str], found: Any) -> None:
    # Ctrl-C reaches all processes of a terminal; workers listen to the one that started them alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        found.put(do_trials(tuning, tuning.open(), errors))
    except KeyboardInterrupt:
        return


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def do_trials(tuning: Tuning, studies: Studies, errors: dict[str, str]) -> dict[str, str]:
    """Does trials in this process as long as there are any that nobody has begun.

    Args:
        tuning: What is tuned.
        studies: Its studies.
        errors: Models that could not be run before.

    Returns:
        The same with those that could not be run now.
    """
    errors = dict(errors)

    def tell(study: Study, trial: FrozenTrial) -> None:
        if (line := _line(contender, trial, studies)) is not None:
            print(line, flush=True)
        if ERROR in trial.user_attrs and trial.state == TrialState.FAIL:
            errors[contender.model] = trial.user_attrs[ERROR]

    while (contender := studies.next(without=errors)) is not None:
        try:
            studies[contender].optimize(
                Objective(contender, tuning.plan, tuning.runner, studies),
                n_trials=1,
                catch=(BudgetSpentError, BRMRSError, OSError),
                callbacks=[tell],
            )
        except ValueError as error:
            # The machine slept for longer than the grace period, and another process goes on with the trial.
            if not str(error).startswith("Cannot tell a FAIL trial"):
                raise
            print(f"{contender.model}: another process has taken over a trial that gave no sign of life", flush=True)
    return errors


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
