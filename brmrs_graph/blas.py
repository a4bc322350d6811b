"""Products of large matrices that nothing is learned through, on a CPU by NumPy's BLAS instead of torch's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock

import numpy as np
import scipy.linalg  # noqa: F401 - loads SciPy's BLAS, so that the controller finds it
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

_TURN = RLock()


def dot_products(x: Tensor, y: Tensor) -> Tensor:
    """All dot products of two sets of vectors.

    Where no gradient is asked for, NumPy's BLAS makes them on a CPU. In its wheels that is mostly OpenBLAS, which keeps
    its speed where one side is much longer than the other, as all items are beside a block of users; torch's MKL was
    measured to lose a third to a half of it there, on an AMD EPYC, unless M is a multiple of 16, so that every row of
    the result begins at a cache line.

    Args:
        x: Vectors, shape [N, d].
        y: Vectors, shape [M, d], of the same type and on the same device.

    Returns:
        Shape [N, M].
    """
    learned = torch.is_grad_enabled() and (x.requires_grad or y.requires_grad)
    if learned or x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or y.dtype != x.dtype:
        return x @ y.t()
    with as_many_threads():
        return torch.from_numpy(np.matmul(x.detach().numpy(), y.detach().numpy().T))


@contextmanager
def as_many_threads() -> Iterator[None]:
    """A context in which NumPy and SciPy compute with as many threads as torch, whose setting they do not know.

    The number is one for the whole process, so that threads of a program enter the context in turn.
    """
    with _TURN, _controller().limit(limits=torch.get_num_threads(), user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
