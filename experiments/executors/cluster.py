"""Runs on the machines of a Ray cluster."""

from __future__ import annotations

import importlib
import logging
import socket
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from brmrs_graph.errors import ConfigError
from experiments.catalog import REPOSITORY, cache_dir
from experiments.executors.base import Executor, LostRunError, Message, carry_out
from experiments.settings import parse

CONNECT_SECONDS = 10


class RayExecutor(Executor):
    """Carries out runs as tasks of a Ray cluster; one that is lost with its process or machine is begun once more.

    A run reserves as many CPUs as it has threads, and one GPU if its device is cuda, or auto where the cluster has
    GPUs. This process needs to run on a machine of the cluster. It alone hears of the runs: other machines write
    nothing but the folders of their runs, and need to see the same files at the same places.

    Args:
        address: Address of the cluster, HOST:PORT; auto: that of this machine; local: one for this command alone.
        slots: Runs at a time; None: as many as the cluster has GPUs, or CPUs if it has none.
        out: Folder of the runs.
        data_root: Folder of data sets; None: that of the repository.

    Raises:
        ConfigError: If Ray is not installed, there is no such cluster, or a machine does not see the folders.
    """

    def __init__(self, address: str, slots: int | None, out: Path, data_root: Path | None = None) -> None:
        super().__init__()
        self._ray = _connect(address)
        try:
            _check_folders(self._ray, out, data_root)
            resources = self._ray.cluster_resources()
            self._has_gpus = resources.get("GPU", 0) >= 1
            self.slots = slots or max(int(resources.get("GPU" if self._has_gpus else "CPU", 0)), 1)
            # Ray could repeat a task by itself, but not one that has told something before it was lost.
            self._task = self._ray.remote(max_calls=1, max_retries=0, num_returns="streaming")(_carry_out)
        except BaseException:
            self._ray.shutdown()
            raise

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._ray.shutdown()

    def _messages(self, arguments: Sequence[str]) -> Generator[Message, None, None]:
        try:
            yield from self._once(arguments)
        except LostRunError:
            yield from self._once(arguments)  # from its last epoch on

    def _once(self, arguments: Sequence[str]) -> Generator[Message, None, None]:
        settings = parse(arguments)
        gpu = settings.device.startswith("cuda") or (settings.device == "auto" and self._has_gpus)
        if gpu and not self._has_gpus:
            raise ConfigError(f"the device is {settings.device}, but the cluster has no GPU; leave --device at auto")
        # Ray lets a task see all GPUs if it has reserved none, and calls the one that it has reserved the first.
        words = (*arguments, "--device", "cuda" if gpu else "cpu")
        task = self._task.options(num_cpus=settings.threads, num_gpus=int(gpu))
        with self._begin(lambda: task.remote(words, Path.cwd())) as told:
            try:
                for message in told:
                    yield self._ray.get(message)
            except self._ray.exceptions.RayError as error:
                self.pause()
                raise LostRunError(f"lost on the cluster: {_last_line(error)}") from error

    def _end(self, begun: Any) -> None:
        self._ray.cancel(begun, force=True)


def _carry_out(arguments: Sequence[str], folder: Path) -> Iterator[Message]:
    told: SimpleQueue[Message | None] = SimpleQueue()

    def work() -> None:
        try:
            carry_out(arguments, folder, told.put)
        finally:
            told.put(None)

    threading.Thread(target=work, daemon=True).start()
    while (message := told.get()) is not None:
        yield message


def _connect(address: str) -> Any:
    try:
        ray: Any = importlib.import_module("ray")
        importlib.import_module("ray.util.scheduling_strategies")
    except ImportError as error:
        raise ConfigError(
            f"--ray needs the package ray, which cannot be imported here ({error}): pip install ray, or leave --ray out"
        ) from error
    # The project and the cache of encoded features, which are where they are here.
    variables = {"PYTHONPATH": str(REPOSITORY), "BRMRS_CACHE": str(cache_dir().absolute())}
    try:
        host, _, port = address.rpartition(":")
        if host:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()  # Ray itself would try for minutes
        ray.init(address, runtime_env={"env_vars": variables}, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"--ray {address}: no cluster can be reached there from this machine ({_last_line(error)}); start one with "
            "`ray start --head` here and `ray start --address HOST:6379` on each other machine (docs/cluster.md says "
            "what they need), or leave --ray out"
        ) from error
    return ray


def _check_folders(ray: Any, out: Path, data_root: Path | None) -> None:
    """Has every machine look for the folders.

    Raises:
        ConfigError: Naming a machine, and what it lacks.
    """
    look = ray.remote(num_cpus=0, max_retries=0)(_missing)
    on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".seen-by-all-", dir=out) as mark:
        paths = [Path.cwd(), Path(mark.name).absolute(), *([data_root.absolute()] if data_root else [])]
        asked = [
            (node["NodeName"], look.options(scheduling_strategy=on(node["NodeID"], soft=False)).remote(paths))
            for node in ray.nodes()
            if node["Alive"]
        ]
        for host, answer in asked:
            try:
                missing = ray.get(answer)
            except ray.exceptions.RayError as error:
                raise ConfigError(
                    f"the machine {host} of the cluster cannot run this project ({_last_line(error)}); it needs "
                    f"{REPOSITORY} and the same Python packages at the same places"
                ) from error
            if missing:
                place = out.absolute() if missing[0].name == Path(mark.name).name else missing[0]
                raise ConfigError(
                    f"the machine {host} of the cluster does not see {place} of this machine; --out, --data-root and "
                    "the folder that the command is started in must be on storage that all machines share, at one place"
                )


def _missing(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if not path.exists()]


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
