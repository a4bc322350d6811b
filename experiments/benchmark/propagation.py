"""Part ``propagation``: one layer, forward and backward, by several products, and what memory allows at best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from experiments.benchmark.bandwidth import Bandwidth, compulsory_bytes, gather_bytes
from experiments.benchmark.context import Context
from experiments.benchmark.propagation_variants import PRODUCTS
from experiments.benchmark.timing import compared, in_turn, spread

DIM = 64
"""Width of the vectors that are propagated."""

ELEMENTS = 1 << 26
"""Elements of an array by which bandwidth is measured: 256 MiB."""


def measure(context: Context) -> dict[str, Any]:
    """Times the products with the square adjacency, and a bound from the bandwidth of the same round.

    scipy has no backward pass: it does two products, which is what ours does, since the adjacency is symmetric.
    """
    adjacency = PRODUCTS["fused product"].adjacency(context.data)
    x = torch.randn(adjacency.num_cols, DIM)
    grad = torch.randn_like(x)
    x.requires_grad_()

    def both(product: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(product(x), x, grad)

    variants = {
        "ours" if name == "fused product" else name: both(make(context.data)) for name, make in PRODUCTS.items()
    }
    matrix, dense = adjacency.to_scipy(), x.detach().numpy()
    variants["scipy, two products"] = lambda: (matrix @ dense, matrix @ dense)
    bandwidth, measured = Bandwidth(ELEMENTS, context.settings.now), []

    def one_round() -> Iterator[str]:
        measured.append(max(bandwidth.copy(), bandwidth.triad()))
        yield "bandwidth"
        yield from in_turn(variants)()

    times = context.times(one_round)
    del times["bandwidth"]
    speed = np.array(measured[-times["ours"].size :])
    rows, cols = adjacency.shape
    for name, moved in (
        ("bound: each array moves once", compulsory_bytes(rows, cols, adjacency.num_edges, DIM)),
        ("bound: each edge fetches its row", gather_bytes(rows, adjacency.num_edges, DIM)),
    ):
        times[name] = 2 * moved / speed
    ours = times["ours"]
    return {
        "title": f"one layer of propagation, forward and backward, d = {DIM}",
        "comparisons": {"one layer": compared(times, "ours")},
        "facts": {
            "ours over the bound of each array moving once": spread(ours / times["bound: each array moves once"]),
            "ours over the bound of each edge fetching": spread(ours / times["bound: each edge fetches its row"]),
            "bandwidth, GB/s": spread(speed / 1e9),
        },
    }
