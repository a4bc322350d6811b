"""Products of large matrices that nothing is learned through, at full speed on a CPU."""

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

    Where no gradient is asked for, on a CPU, they are made in a way that keeps its speed where one side is much longer
    than the other, as all items are beside a block of users. There torch's MKL loses a third to a half of it (measured
    on an AMD EPYC) unless every row of the result begins at a cache line. With several threads torch is given such
    rows. With one, NumPy's BLAS makes the product, in its wheels mostly OpenBLAS, which needs none. Its threads would
    be others than torch's, and both keep processors busy while they wait: what torch did next took three times as long.

    Args:
        x: Vectors, shape [N, d].
        y: Vectors, shape [M, d], of the same type and on the same device.

    Returns:
        Shape [N, M]; rows may lie further apart than M.
    """
    learned = torch.is_grad_enabled() and (x.requires_grad or y.requires_grad)
    if learned or x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or y.dtype != x.dtype:
        return x @ y.t()
    if torch.get_num_threads() > 1:
        line = 64 // x.element_size()
        rows = x.new_empty(x.size(0), -(-y.size(0) // line) * line)
        return torch.mm(x.detach(), y.detach().t(), out=rows[:, : y.size(0)])
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
