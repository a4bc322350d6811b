"""One trial: a training run with drawn options, judged by validation."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from brmrs_graph.errors import BRMRSError, ConfigError, TrainingError
from brmrs_graph.training.trainer import METRIC
from experiments.comparison.runner import Runner
from experiments.executors.base import Executor
from experiments.plan import Plan
from experiments.tuning.contender import Contender
from experiments.tuning.studies import FINISHED, GRACE_SECONDS, Studies, requeue

OPTIONS, DATA, EPOCHS, DIVERGED, ERROR = "options", "data", "epochs", "diverged", "error"
"""User attributes of a trial."""


class BudgetSpentError(Exception):
    """A trial was begun although others have spent the budget in the meantime."""


@dataclass(frozen=True)
class Objective:
    """The objective of a study: validation Recall@20 of one run; called by Optuna with a trial.

    The run lies in the folder that ``experiments.compare`` would give it, so that a run which is there is not repeated
    and a stopped one is gone on with.

    Args:
        contender: What is tuned.
        plan: Gives the options of a run.
        runner: Knows where the folders are.
        studies: The studies.
        executor: What carries out the run.
    """

    contender: Contender
    plan: Plan
    runner: Runner
    studies: Studies
    executor: Executor

    def __call__(self, trial: optuna.Trial) -> float:
        """Trains, reporting every epoch's validation to the pruner.

        Raises:
            BudgetSpentError: If the budget is spent.
            TrialPruned: If the trial fell behind, or its loss became NaN.
            KeyboardInterrupt: After Ctrl-C; the trial waits in the storage for the next process.
            BRMRSError: If the run cannot be done.
        """
        try:
            trial.study.sampler = self.studies.sampler(self.contender, self._place(trial))
            words = self.contender.words(trial)
            trial.set_user_attr(OPTIONS, shlex.join(words))
            self._wait_for_twin(trial)
            options = self.plan.options(self.contender.arm, words)
            arguments = self.runner.arguments(options, self.plan.trial_seeds[0])
            metrics = self.executor.train(arguments, self._reporter(trial))
            self._check_data(trial, metrics["data"]["hash"])
        except TrainingError as error:
            # That options let the loss diverge is a result of theirs, and spends the budget.
            trial.set_user_attr(DIVERGED, str(error))
            raise optuna.TrialPruned from error
        except KeyboardInterrupt:
            requeue(trial)
            raise
        except (BRMRSError, OSError) as error:
            requeue(trial)  # to be done again when the cause is mended
            trial.set_user_attr(ERROR, str(error))
            raise
        trial.set_user_attr(EPOCHS, metrics["training"]["epochs"])
        return float(metrics["valid"][METRIC])

    def _reporter(self, trial: optuna.Trial) -> Callable[[dict[str, Any]], None]:
        # Of a trial that was stopped before; its last epoch is done again if it had no checkpoint yet.
        reported = set(self.studies.trials_of(self.contender)[trial.number].intermediate_values)

        def report(record: dict[str, Any]) -> None:
            if "valid" in record:
                if record["epoch"] not in reported:
                    trial.report(record["valid"][METRIC], record["epoch"])
                if trial.should_prune():
                    trial.set_user_attr(EPOCHS, record["epoch"])
                    raise optuna.TrialPruned

        return report

    def _place(self, trial: optuna.Trial) -> int:
        """Place of a trial, from 0, among those that spend the budget; of trials begun at once the first ones stay."""
        taken = [*FINISHED, TrialState.RUNNING]
        others = self.studies.trials_of(self.contender)
        place = sum(other.number < trial.number and other.state in taken for other in others)
        if place >= self.contender.budget(self.studies.trials):
            raise BudgetSpentError
        return place

    def _wait_for_twin(self, trial: optuna.Trial) -> None:
        """Two runs must not share a folder at the same time."""
        options = trial.user_attrs[OPTIONS]
        for seconds in itertools.count():
            # One that has only begun may turn out to be a twin; one that was killed at once never tells its options.
            untold = options if seconds < GRACE_SECONDS else None
            if not any(
                t.number < trial.number
                and t.state == TrialState.RUNNING
                and t.user_attrs.get(OPTIONS, untold) == options
                for t in self.studies.trials_of(self.contender)
            ):
                return
            self.executor.pause(1)
            self.studies.count(self.contender)  # a twin whose process died does not run for ever

    def _check_data(self, trial: optuna.Trial, content_hash: str) -> None:
        trial.set_user_attr(DATA, content_hash)
        for other in self.studies.trials_of(self.contender):
            if other.state in FINISHED and other.user_attrs.get(DATA, content_hash) != content_hash:
                raise ConfigError(
                    f"the data set '{self.plan.dataset}' has changed since trial {other.number} of "
                    f"{self.contender.model} (content hash {other.user_attrs[DATA]} then, {content_hash} now); choose "
                    "another --storage and --out"
                )
