"""Optuna studies in a storage that several processes and machines may share, and what is left of their budget."""

from __future__ import annotations

import hashlib
import sqlite3
import time
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, SQLAlchemyError

from brmrs_graph.errors import ConfigError
from experiments.tuning.contender import FIRST, Contender

HEARTBEAT_SECONDS = 15
"""How often a running trial says that its process is alive."""
GRACE_SECONDS = 60
"""After how long without that it is given to another process, which goes on from its last epoch."""
MOST_DEATHS = 3
"""How often a trial may kill its process, for instance for want of memory, before it is dropped."""
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Count:
    """Where a study stands.

    Args:
        budget: Trials that it is to have.
        finished: Trials that are complete or pruned.
        running: Trials that some process runs now.
    """

    budget: int
    finished: int
    running: int

    @property
    def left(self) -> int:
        """Trials that nobody has begun."""
        return max(self.budget - self.finished - self.running, 0)

    @property
    def done(self) -> bool:
        """Whether the budget is spent."""
        return self.finished >= self.budget


class Studies:
    """The studies of all contenders.

    Args:
        url: URL of the storage.
        contenders: What is tuned; the first process that comes makes their studies.
        trials: Trials for each contender.
        seed: Seed of the sampler.
        prune: Whether trials that fall behind are pruned.

    Raises:
        ConfigError: If the storage cannot be used.
    """

    def __init__(self, url: str, contenders: Sequence[Contender], *, trials: int, seed: int, prune: bool) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.contenders = contenders
        self.trials = trials
        self.seed = seed
        self.pruner = pruner() if prune else optuna.pruners.NopPruner()
        self.storage = open_storage(url)
        self._studies = {contender.model: self._open(contender) for contender in contenders}

    def __getitem__(self, contender: Contender) -> optuna.Study:
        """The study of a contender."""
        return self._studies[contender.model]

    def trials_of(self, contender: Contender) -> list[FrozenTrial]:
        """All trials of a contender, the failed ones too."""
        return self[contender].get_trials(deepcopy=False)

    def count(self, contender: Contender) -> Count:
        """Where a contender stands; trials of processes that died are no longer among the running ones."""
        with quiet():
            fail_stale_trials(self[contender])
        states = [trial.state for trial in self.trials_of(contender)]
        return Count(contender.budget(self.trials), sum(map(states.count, FINISHED)), states.count(TrialState.RUNNING))

    def next(self, without: Collection[str] = ()) -> Contender | None:
        """The contender that is furthest behind, of those with trials that nobody has begun.

        Args:
            without: Models that are left out.
        """
        counts = {c.model: (c, self.count(c)) for c in self.contenders if c.model not in without}
        free = [(count.finished + count.running, c) for c, count in counts.values() if count.left]
        return min(free, key=lambda pair: pair[0])[1] if free else None

    def earlier(self, contender: Contender) -> list[str]:
        """Other studies of the same model, objective and data set, which are not gone on with."""
        start = contender.study.rpartition("/")[0] + "/"
        names = optuna.get_all_study_names(self.storage)
        return [name for name in names if name.startswith(start) and name != contender.study]

    def sampler(self, contender: Contender, place: int) -> optuna.samplers.BaseSampler:
        """The sampler of one trial: what it draws follows from the seed, its place and what is finished by then.

        A search by one process that was stopped and gone on with therefore equals one that was not. Half of a small
        budget is drawn at random, the rest by the tree-structured Parzen estimator.
        """
        digest = hashlib.sha256(f"{self.seed}/{contender.study}/{place}".encode()).digest()
        with quiet():
            return optuna.samplers.TPESampler(
                n_startup_trials=min(10, (self.trials + 1) // 2),
                constant_liar=True,
                seed=int.from_bytes(digest[:4], "big"),
            )

    def _open(self, contender: Contender) -> optuna.Study:
        try:
            study = optuna.create_study(
                study_name=contender.study, storage=self.storage, direction="maximize", pruner=self.pruner
            )
        except DuplicatedStudyError:
            return optuna.load_study(study_name=contender.study, storage=self.storage, pruner=self.pruner)
        # Only the process that made the study comes here, so that it is enqueued once.
        study.enqueue_trial(dict(contender.first), user_attrs={FIRST: True})
        return study


def pruner() -> optuna.pruners.BasePruner:
    """Stops a trial whose best epoch so far is below the median of the complete trials at that epoch.

    From the fourth complete trial and from epoch 30 on: many models stand still or dip in their first twenty epochs. In
    241 runs of BR-MRS on three data sets, eight drawn at a time, this saved 17 to 26 % of the epochs, and the best
    validation metric fell by .03 to .15 % of its value on average; from epoch 20 on, by .14 to .18 %.
    """
    return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=30, n_min_trials=3)


def requeue(trial: optuna.Trial) -> None:
    """Puts a trial that cannot be finished now back in front: the next process goes on with it."""
    with quiet():
        _retry()(trial.study, trial.study.get_trials()[trial.number])


def _retry(most: int | None = None) -> RetryHeartbeatStaleTrialCallback:
    """Puts a trial back with the epochs that it has reported, for a resumed run gives those after them only."""
    return RetryHeartbeatStaleTrialCallback(max_retry=most, inherit_intermediate_values=True)


def open_storage(url: str) -> RDBStorage:
    """Opens a storage with heartbeats, and makes its tables where they are missing.

    Raises:
        ConfigError: If the URL is wrong or the database cannot be used.
    """
    waits = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    for attempt in range(5):
        try:
            with quiet():
                storage = RDBStorage(
                    url,
                    engine_kwargs=waits,
                    heartbeat_interval=HEARTBEAT_SECONDS,
                    grace_period=GRACE_SECONDS,
                    heartbeat_stale_trial_callback=_retry(MOST_DEATHS),
                )
            if url.startswith("sqlite"):
                _lock_before_reading(storage.engine)
            return storage
        except (OperationalError, IntegrityError) as error:
            # Processes that come first at once all make the tables and write their version, and one alone succeeds.
            if attempt == 4 or not ("already exists" in str(error) or isinstance(error, IntegrityError)):
                raise _unusable(url, error) from error
            time.sleep(0.2)
        except (SQLAlchemyError, StorageInternalError, ImportError, RuntimeError, ValueError) as error:
            raise _unusable(url, error) from error
    raise AssertionError("the loop returns or raises")


def _lock_before_reading(engine: Engine) -> None:
    """Lets one process at a time read and then write, for which SQLite has no SELECT … FOR UPDATE.

    Without it two processes that ask for a trial at the same time may both get the one that is enqueued.
    """

    def leave_transactions_to_engine(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", leave_transactions_to_engine)
    event.listen(engine, "begin", begin)
    engine.dispose()  # connections that are open already


def shown(url: str) -> str:
    """The URL of a storage without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def _unusable(url: str, error: Exception) -> ConfigError:
    reason = str(error).splitlines()[0]
    return ConfigError(
        f"the storage {shown(url)} cannot be used: {reason}; give --storage a URL such as sqlite:///runs/tune.db or "
        "postgresql://USER@HOST/NAME, whose driver is installed"
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Heartbeats and the constant liar are marked as experimental by Optuna, which is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
