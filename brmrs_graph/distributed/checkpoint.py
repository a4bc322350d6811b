"""Checkpoints that all ranks write, and any number of ranks can read: :mod:`torch.distributed.checkpoint`.

A checkpoint is a folder with one safetensors file per rank (no pickle), and ``state.json``. It has its name once it is
whole: it is written as ``.NAME.part`` and renamed by rank 0 when all have written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor
from torch.distributed.tensor import Shard as ShardedRows

from brmrs_graph.distributed.models import ShardedModel
from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.ranks import Ranks, reported
from brmrs_graph.errors import CheckpointError
from brmrs_graph.files import write_bytes

STATE = "state.json"
FILES = "files"
"""Entry of the state: how many safetensors files there are. Rows of one that is missing would be read as zeros."""

EPOCH, BEST = "epoch", "best"


def kept_epoch(folder: Path, kind: str = EPOCH) -> int:
    """The last epoch that has a checkpoint in a folder, 0 if there is none."""
    return max(
        (int(path.name.split("-")[1]) for path in folder.glob(f"{kind}-*") if (path / STATE).is_file()), default=0
    )


def save_sharded(path: Path, tensors: Mapping[str, Tensor], model: ShardedModel, state: Mapping[str, Any]) -> None:
    """Writes tensors, each rank its own rows.

    Args:
        path: The folder, which must not be there and has its name when all is written.
        tensors: Name -> this rank's rows, or what all ranks have; named as parameters are, after ``model.`` or
            ``optimizer.``.
        model: Knows whose rows are where.
        state: Anything that JSON can hold, from rank 0.

    Raises:
        CheckpointError: If a rank cannot write its part, for instance because the disk is full.
    """
    ranks = model.shard.ranks
    aside = path.with_name(f".{path.name}.part")
    if ranks.rank == 0:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(path, ignore_errors=True)  # of a run that was stopped after this epoch's best, before its last
        aside.mkdir(parents=True)
    ranks.barrier()
    described = {name: _described(x, _partition(model, name, x.dim()), ranks) for name, x in tensors.items()}
    try:
        with reported(ranks.rank):
            save(described, storage_writer=HuggingFaceStorageWriter(str(aside), save_distributed=True))
    except CheckpointException as error:
        raise CheckpointError(f"{path} cannot be written ({_why(error)})") from error
    ranks.barrier()
    if ranks.rank == 0:
        write_bytes(aside / STATE, json.dumps({**state, FILES: _files(aside)}).encode())
        aside.rename(path)
    ranks.barrier()


def load_sharded(path: Path, model: ShardedModel) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what :func:`save_sharded` wrote, whatever the number of ranks was: this rank's rows, and the state.

    Raises:
        CheckpointError: If the folder or a file of it is missing, damaged or of another model.
    """
    ranks = model.shard.ranks
    reader = HuggingFaceStorageReader(str(path))
    try:
        state = json.loads((path / STATE).read_text())
        present = _files(path)
        written = state.pop(FILES, present)
        if present != written:
            raise CheckpointError(
                f"{path} has {present} of the {written} safetensors files that were written; copy the whole folder, or "
                "start the run anew with another --out"
            )
        kept = reader.read_metadata().state_dict_metadata
        tensors = {}
        for name, x in kept.items():
            assert isinstance(x, TensorStorageMetadata)  # safetensors hold nothing else
            partition = _partition(model, name, len(x.size))
            if partition is not None and x.size[0] != partition.size:
                raise CheckpointError(
                    f"{path} belongs to another data set: {name} has {x.size[0]} rows there, not {partition.size}"
                )
            rows = x.size if partition is None else (len(partition.own), *x.size[1:])
            tensors[name] = torch.zeros(rows, dtype=x.properties.dtype, device=ranks.device)
        load(
            {name: _described(x, _partition(model, name, x.dim()), ranks) for name, x in tensors.items()},
            storage_reader=HuggingFaceStorageReader(str(path)),
        )
    except (OSError, ValueError, KeyError, SafetensorError, CheckpointException) as error:
        raise CheckpointError(
            f"{path} is missing, damaged or no checkpoint ({_why(error)}); start the run anew with another --out"
        ) from error
    return tensors, state


def delete_older(folder: Path, keep: Mapping[str, int], ranks: Ranks) -> None:
    """Deletes what other checkpoints are in a folder.

    Args:
        folder: The folder.
        keep: Kind -> epoch of the checkpoint that stays.
        ranks: The ranks; rank 0 deletes.
    """
    if ranks.rank == 0:
        for kind, epoch in keep.items():
            for path in folder.glob(f"{kind}-*"):
                if path.name.removesuffix(".safetensors") == f"{kind}-{epoch}":
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:  # the best parameters of all ranks in one file, of a run that was finished and now goes on
                    path.unlink()


def _files(path: Path) -> int:
    return len(list(path.glob("*.safetensors")))


def _partition(model: ShardedModel, name: str, dims: int) -> Partition | None:
    # Adam's count of steps belongs to a table, too, but is one number.
    return model.partition_of(name.split(".", 1)[1]) if dims else None


def _described(x: Tensor, partition: Partition | None, ranks: Ranks) -> Tensor:
    x = x.detach()
    if partition is None:
        return x
    shape = torch.Size([partition.size, *x.shape[1:]])
    return DTensor.from_local(x, ranks.mesh, [ShardedRows(0)], run_check=False, shape=shape, stride=x.stride())


def _why(error: BaseException) -> str:
    # What torch raises names the ranks, each with what went wrong there, and their tracebacks.
    failures = error.failures if isinstance(error, CheckpointException) else {}
    return "; ".join(f"rank {rank}: {failure[0]}" for rank, failure in failures.items()) or str(error)
