"""Reductions over consecutive segments, by torch-scatter where it is installed and by plain torch otherwise.

A segment is a run ``ptr[i]:ptr[i + 1]`` of a flat tensor, as in PyG's ``ptr`` vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

try:
    from torch_scatter import segment_max_csr as _segment_max_csr
except (ImportError, OSError):  # OSError: built against another torch
    _segment_max_csr = None


def has_torch_scatter(device: torch.device) -> bool:
    """Whether torch-scatter can be used on a device; a build without kernels for it would raise there."""
    return _segment_max_csr is not None and _runs_on(_segment_max_csr, device.type)


@lru_cache
def _runs_on(kernel: Callable[..., Any], device_type: str) -> bool:
    try:
        kernel(torch.zeros(1, device=device_type), torch.tensor([0, 1], device=device_type))
    except RuntimeError:
        return False
    return True


def segment_argmax(values: Tensor, ptr: Tensor) -> Tensor:
    """Position of the largest value of every segment (one of them among equals), -1 for empty segments.

    Args:
        values: Flat values, floating point and finite, shape [n].
        ptr: Segment borders, int64, shape [B + 1], from 0 to n.

    Returns:
        Positions into ``values``, int64, shape [B].
    """
    if has_torch_scatter(values.device):
        position = _segment_max_csr(values, ptr)[1]
        return (
            torch.where(position < values.numel(), position, torch.full_like(position, -1))
            if values.numel()
            else torch.full_like(ptr[1:], -1)
        )
    return segment_argmax_torch(values, ptr)


def segment_argmax_torch(values: Tensor, ptr: Tensor) -> Tensor:
    """The pure-torch twin of :func:`segment_argmax`."""
    segment = segment_ids(ptr)
    peak = torch.full((ptr.numel() - 1,), -torch.inf, dtype=values.dtype, device=values.device)
    peak.scatter_reduce_(0, segment, values, "amax")
    index = torch.arange(values.numel(), device=values.device)
    index = torch.where(values == peak[segment], index, torch.full_like(index, values.numel()))
    first = torch.full_like(ptr[1:], values.numel()).scatter_reduce_(0, segment, index, "amin")
    return torch.where(first < values.numel(), first, torch.full_like(first, -1))


def segment_ids(ptr: Tensor) -> Tensor:
    """Segment of every position: ``ptr`` [0, 2, 3] gives [0, 0, 1]."""
    return torch.repeat_interleave(torch.arange(ptr.numel() - 1, device=ptr.device), ptr.diff())


def segment_rank(values: Tensor, ptr: Tensor) -> Tensor:
    """Rank of every value in its segment, 0 for the largest (stable among equals), int64, shape [n]."""
    segment = segment_ids(ptr)
    order = torch.argsort(values, descending=True, stable=True)
    order = order[torch.argsort(segment[order], stable=True)]
    rank = torch.empty_like(order)
    rank[order] = torch.arange(values.numel(), device=values.device) - ptr[:-1][segment]
    return rank


def segment_filter(keep: Tensor, ptr: Tensor) -> Tensor:
    """Segment borders after dropping the positions where ``keep`` (bool, shape [n]) is false."""
    kept = torch.zeros(keep.numel() + 1, dtype=torch.int64, device=keep.device)
    kept[1:] = keep.cumsum(0)
    return kept[ptr]
