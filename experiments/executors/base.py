"""What all executors share: what the process of a run tells the one that asked for it, and how many go on at once."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from tqdm import tqdm

from brmrs_graph.errors import BRMRSError
from experiments.allocation import keep_freed_memory
from experiments.run import OnEpoch, run_shared
from experiments.settings import parse

T = TypeVar("T")
R = TypeVar("R")
Begun = TypeVar("Begun")

Message = tuple[Literal["note", "epoch", "metrics", "error"], Any]
"""What to say to the person, or the record of an epoch; in the end the content of ``metrics.json``, or the error that a
run ended with."""
LAST = ("metrics", "error")


class LostRunError(BRMRSError):
    """The process of a run was killed, its machine is gone, or an error came up that nobody has foreseen."""


class Executor(ABC):
    """Carries out training runs, each in a process of its own; the threads of this process wait for them.

    Used in a ``with`` statement of the main thread, which ends what still runs when it is left, and in which SIGTERM is
    what Ctrl-C is.

    Attributes:
        slots: Runs at a time.
    """

    slots: int

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._begun: list[Any] = []

    def __enter__(self) -> Executor:
        # Runs are processes of their own: what `kill` or a scheduler sends is to end them too, as Ctrl-C does.
        self._on_sigterm = signal.signal(signal.SIGTERM, signal.default_int_handler)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        signal.signal(signal.SIGTERM, self._on_sigterm)

    def train(self, arguments: Sequence[str], on_epoch: OnEpoch = lambda _: None) -> dict[str, Any]:
        """Carries out a run, or goes on with it if its folder is there, and waits for it.

        If a process of another command trains in the folder, this is said, and the run goes on when that one is done.

        Args:
            arguments: Those of ``experiments.run``, ``--out`` among them.
            on_epoch: Called with the record of every epoch. An exception that it raises ends the run, which can be gone
                on with.

        Returns:
            The content of ``metrics.json``.

        Raises:
            BRMRSError: What the run ended with.
            LostRunError: If its process is lost.
            KeyboardInterrupt: After :meth:`stop`.
        """
        with closing(self._messages(arguments)) as messages:
            for kind, content in messages:
                if kind == "error":
                    raise content
                if kind == "metrics":
                    return dict(content)
                if kind == "note":
                    tqdm.write(content)  # above the progress bar
                else:
                    on_epoch(content)
        raise LostRunError("its process ended without a word")

    def map(self, do: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Applies a function that calls :meth:`train` to items, as many at a time as there are slots.

        What comes to an end with an exception, such as Ctrl-C, stops all runs.

        Yields:
            The results, those that are ready first.
        """
        with ThreadPoolExecutor(self.slots) as pool:
            try:
                for future in as_completed([pool.submit(do, item) for item in items]):
                    yield future.result()
            except BaseException:
                self.stop()
                pool.shutdown(cancel_futures=True)
                raise

    def pause(self, seconds: float = 0) -> None:
        """Waits.

        Raises:
            KeyboardInterrupt: After :meth:`stop`.
        """
        if self._stopped.wait(seconds):
            raise KeyboardInterrupt

    def stop(self) -> None:
        """Ends all runs for good, waits for none; what they have kept stays."""
        self._stopped.set()
        with self._lock:
            for begun in self._begun:
                self._end(begun)

    @contextmanager
    def _begin(self, start: Callable[[], Begun]) -> Iterator[Begun]:
        """Starts what carries out a run, and ends it."""
        with self._lock:
            self.pause()
            begun = start()
            self._begun.append(begun)
        try:
            yield begun
        finally:
            with self._lock:
                self._end(begun)
                self._begun.remove(begun)

    @abstractmethod
    def _messages(self, arguments: Sequence[str]) -> Generator[Message, None, None]:
        """Starts a run and gives what it tells; ends it when closed.

        Raises:
            LostRunError: If its process is lost.
            KeyboardInterrupt: After :meth:`stop`.
        """

    @abstractmethod
    def _end(self, begun: Any) -> None:
        """Ends what carries out a run, if it has not ended yet."""


def carry_out(arguments: Sequence[str], folder: Path, tell: Callable[[Message], None]) -> None:
    """Carries out a run in this process, or goes on with it; never raises what the run raises, but tells it.

    Args:
        arguments: Those of ``experiments.run``, ``--out`` among them.
        folder: Where relative paths start.
        tell: Takes what is to be told; an exception that it raises ends the run.
    """
    try:
        os.chdir(folder)
        keep_freed_memory()
        settings = parse(arguments)
        waiting = f"waiting for another process that trains in {settings.out}"
        metrics = run_shared(settings, lambda record: tell(("epoch", record)), lambda: tell(("note", waiting)))
    except (BRMRSError, OSError) as error:
        tell(("error", error))
    except Exception:
        tell(("error", LostRunError(traceback.format_exc().strip()[-500:])))
    else:
        tell(("metrics", metrics))
