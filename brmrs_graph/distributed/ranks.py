"""The processes that train together: all that they send one another goes through here, and is counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from brmrs_graph.errors import BRMRSError, TrainingError

T = TypeVar("T")

TIMEOUT = timedelta(minutes=30)
"""How long a rank waits for the others, which rank 0 keeps waiting while it reads and encodes the data."""


class LostRankError(TrainingError):
    """Another rank has ended, or does not answer any more."""


class FirstRankError(BRMRSError):
    """Rank 0 has ended with an error of its own, which it reports itself."""


class Ranks:
    """This process among those of the default process group of :mod:`torch.distributed`.

    Every method is a collective operation: all ranks call the same ones in the same order.

    Args:
        device: Where the tensors are that are sent.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes.
        sent: Purpose -> bytes that this rank has sent. A sum over ranks counts as a ring makes it, which sends
            2 (N - 1) / N of the tensor; a broadcast counts at its source, N - 1 times.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.device = torch.device(device)
        self.sent: Counter[str] = Counter()

    @cached_property
    def mesh(self) -> DeviceMesh:
        """The ranks as a mesh of one dimension, for DTensors."""
        return init_device_mesh(self.device.type, (self.size,))

    def sum(self, x: Tensor, purpose: str) -> Tensor:
        """Adds a tensor up over all ranks, in place."""
        with reported(self.rank):
            dist.all_reduce(x)
        self.sent[purpose] += 2 * (self.size - 1) * x.nbytes // self.size
        return x

    def counts(self, send: Sequence[int]) -> list[int]:
        """How many rows each rank will send to this one, from how many this one will send to each."""
        there = torch.tensor(list(send), device=self.device)
        here = torch.empty_like(there)
        with reported(self.rank):
            dist.all_to_all_single(here, there)
        return here.tolist()

    def exchange(self, x: Tensor, send: Sequence[int], receive: Sequence[int], purpose: str) -> Tensor:
        """Sends consecutive rows of ``x`` to rank 0, 1, … and returns what they send, in this order.

        Args:
            x: Shape [sum(send), …].
            send: Rows for each rank.
            receive: Rows from each rank.
            purpose: What to count it as.

        Returns:
            Shape [sum(receive), …].
        """
        x, arrived = x.contiguous(), x.new_empty(sum(receive), *x.shape[1:])
        with reported(self.rank):
            dist.all_to_all_single(arrived, x, list(receive), list(send))
        row = x.element_size() * x[:1].numel() if x.size(0) else 0
        self.sent[purpose] += (sum(send) - send[self.rank]) * row
        return arrived

    def broadcast(self, x: Tensor, source: int, purpose: str) -> Tensor:
        """Makes ``x`` what it is on the rank ``source``, in place."""
        with reported(self.rank):
            dist.broadcast(x, source)
        self.sent[purpose] += (self.size - 1) * x.nbytes * (self.rank == source)
        return x

    def stream(self, x: Tensor, rows: Sequence[int], purpose: str) -> Iterator[Tensor]:
        """The parts of a table that is sharded by its rows, rank by rank; only one is held at a time.

        Args:
            x: This rank's part.
            rows: Rows of every rank's part.
            purpose: What to count it as.
        """
        for source, count in enumerate(rows):
            own = source == self.rank
            yield self.broadcast(x.contiguous() if own else x.new_empty(count, *x.shape[1:]), source, purpose)

    def deal(self, part: Callable[[int], Tensor] | None, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Rank 0 gives every rank a tensor; the result is on the CPU.

        Args:
            part: Rank -> its tensor; on rank 0 only.
            shape: Shape of this rank's tensor.
            dtype: Type of all of them.
        """
        if part is None:
            mine = torch.empty(tuple(shape), dtype=dtype, device=self.device)
            with reported(self.rank):
                dist.recv(mine, 0)
            return mine.cpu()
        for rank in range(1, self.size):
            theirs = part(rank).to(self.device, dtype).contiguous()
            with reported(self.rank):
                dist.send(theirs, rank)
            self.sent["set-up"] += theirs.nbytes
        return part(0).to(dtype, copy=True)

    def collect(self, x: Tensor, purpose: str) -> Tensor | None:
        """Rank 0 gets the parts of all ranks as one tensor on the CPU, the others None."""
        rows = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        rows[self.rank] = x.size(0)
        counts = self.sum(rows, purpose).tolist()
        if self.rank:
            mine = x.to(self.device).contiguous()
            with reported(self.rank):
                dist.send(mine, 0)
            self.sent[purpose] += x.nbytes
            return None
        whole = torch.empty(sum(counts), *x.shape[1:], dtype=x.dtype)
        for rank, part in enumerate(whole.split(counts)):
            received = x if rank == 0 else torch.empty(part.shape, dtype=x.dtype, device=self.device)
            if rank:
                with reported(self.rank):
                    dist.recv(received, rank)
            part.copy_(received)
        return whole

    def tell(self, message: Any = None) -> Any:
        """What rank 0 says, which is anything that JSON can hold."""
        content = json.dumps(message).encode() if self.rank == 0 else b""
        length = self.broadcast(torch.tensor(len(content), device=self.device), 0, "set-up")
        text = torch.empty(int(length), dtype=torch.uint8, device=self.device)
        if content:
            text.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        return json.loads(bytes(self.broadcast(text, 0, "set-up").tolist()))

    def first(self, make: Callable[[], T]) -> T | None:
        """Makes something on rank 0 while the others wait; they get None.

        Raises:
            FirstRankError: On the others, if it cannot be made.
        """
        if self.rank:
            if not self.tell():
                raise FirstRankError("rank 0 has ended with an error")
            return None
        try:
            made = make()
        except BaseException:
            self.tell(False)
            raise
        self.tell(True)
        return made

    def any(self, here: bool) -> bool:
        """Whether something holds on any rank."""
        return bool(self.sum(torch.tensor(int(here), device=self.device), "set-up"))

    def barrier(self) -> None:
        """Waits until all ranks are here."""
        self.any(False)


@contextmanager
def joined(device: torch.device | str = "cpu") -> Iterator[Ranks]:
    """Joins the processes that torchrun has started: by Gloo for what is on CPUs, by NCCL for what is on GPUs.

    Args:
        device: Where this rank trains.
    """
    device = torch.device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    yield Ranks(device)
    dist.destroy_process_group()  # not after an error: it would wait for ranks that are gone


@contextmanager
def reported(rank: int) -> Iterator[None]:
    """Makes a :class:`LostRankError` of what communication raises where a rank is gone.

    What allocates belongs outside: lack of memory on a CPU is a plain RuntimeError, too.

    Args:
        rank: This rank, for the message.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # Gloo and NCCL have no narrower class for a connection that broke
        raise LostRankError(
            f"rank {rank} has lost another rank, whose own output may say why. The checkpoint of the last whole epoch "
            "is kept; the same command with --resume goes on, with any number of ranks"
        ) from error
