"""Runs in processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from experiments.executors.base import LAST, Executor, LostRunError, Message, carry_out

SECONDS_TO_END = 10
"""For what a process has to put away when it is ended; then it is killed."""


class LocalExecutor(Executor):
    """Carries out runs in processes of this machine.

    Args:
        slots: Runs at a time.
    """

    def __init__(self, slots: int) -> None:
        super().__init__()
        self.slots = slots
        # Never a copy of this process, whose threads and database connections would hang in it. On Linux all are copies
        # of one that has imported what a run needs and done nothing, which saves each of them five seconds.
        self._context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        if sys.platform == "linux":
            self._context.set_forkserver_preload([carry_out.__module__])

    def _messages(self, arguments: Sequence[str]) -> Generator[Message, None, None]:
        here, there = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_carry_out, args=(tuple(arguments), Path.cwd(), there), daemon=True)
        try:
            with here, self._begin(lambda: _started(process)):
                there.close()
                try:
                    while True:
                        message = here.recv()
                        if message[0] in LAST:
                            process.join()  # it has nothing left to do
                        yield message
                except EOFError:
                    self.pause()
                    process.join()
                    raise LostRunError(
                        f"its process ended with code {process.exitcode} (-9: killed, usually for want of memory; "
                        "fewer --jobs need less); what it has kept stays, and the same command goes on"
                    ) from None
        finally:
            if process.pid is not None:  # it is to be gone before another one writes to its folder
                process.join(SECONDS_TO_END)
                process.kill()
                process.join()

    def _end(self, begun: BaseProcess) -> None:
        begun.terminate()


def _started(process: BaseProcess) -> BaseProcess:
    process.start()
    return process


def _carry_out(arguments: Sequence[str], folder: Path, pipe: Connection) -> None:
    # Ctrl-C reaches all processes of a terminal; these listen to the one that started them alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with suppress(BrokenPipeError):  # that one is gone
        carry_out(arguments, folder, pipe.send)
