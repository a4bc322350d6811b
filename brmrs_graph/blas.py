"""Products of large matrices that nothing is learned through, on a CPU by NumPy's BLAS instead of torch's."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

import numpy as np
import scipy.linalg  # noqa: F401 - loads SciPy's BLAS, so that the controller finds it
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor


def dot_products(x: Tensor, y: Tensor) -> Tensor:
    """All dot products of two sets of vectors, without a gradient.

    OpenBLAS, which NumPy's wheels bring, keeps its speed where one side is much longer than the other, as all items
    are beside a block of users; torch's MKL loses a third of it on processors that are not Intel's.

    Args:
        x: Vectors, shape [N, d].
        y: Vectors, shape [M, d], of the same type and on the same device.

    Returns:
        Shape [N, M].
    """
    x, y = x.detach(), y.detach()
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64):
        return x @ y.t()
    with as_many_threads():
        return torch.from_numpy(np.matmul(x.numpy(), y.numpy().T))


def as_many_threads() -> AbstractContextManager[object]:
    """A context in which NumPy and SciPy compute with as many threads as torch, whose setting they do not know."""
    return _controller().limit(limits=torch.get_num_threads(), user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
