"""Ranks as processes of this machine that talk by Gloo; forked, so that nothing is imported anew."""

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing

from brmrs_graph.distributed import Ranks

OnRanks = Callable[..., list[Any]]


def _rank(rank: int, size: int, folder: Path, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size)
    try:
        result = True, work(Ranks(), *arguments)
    except Exception:
        result = False, traceback.format_exc()
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(result))
    if result[0]:
        dist.destroy_process_group()


@pytest.fixture(scope="session")
def on_ranks(tmp_path_factory: pytest.TempPathFactory) -> OnRanks:
    """Runs ``work(ranks, *arguments)`` on some ranks and gives their results, None of a rank that ended by itself."""

    def run(size: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        folder = tmp_path_factory.mktemp("ranks")
        multiprocessing.start_processes(_rank, (size, folder, work, arguments), size, start_method="fork")
        kept = [folder / f"{rank}.pickle" for rank in range(size)]
        results = [pickle.loads(path.read_bytes()) if path.exists() else (True, None) for path in kept]
        for rank, (done, result) in enumerate(results):
            assert done, f"rank {rank}: {result}"
        return [result for _, result in results]

    return run
