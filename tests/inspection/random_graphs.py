"""Small random item graphs, and the same as plain lists."""

import torch
from hypothesis import strategies as st

from brmrs_graph.graphs import SparseGraph

N = 9


def random_graph(seed: int, *, num_items: int = N, degree: int = 4, empty: float = 0.2) -> SparseGraph:
    """Up to ``degree`` neighbours an item in falling order of weight, self loops among them; some items have none."""
    generator = torch.Generator().manual_seed(seed)
    rows, cols, weights = [], [], []
    for item in range(num_items):
        if float(torch.rand(1, generator=generator)) < empty:
            continue
        count = int(torch.randint(1, degree + 1, (1,), generator=generator))
        rows += [item] * count
        cols += torch.randperm(num_items, generator=generator)[:count].tolist()
        # Few values, so that there are ties.
        weights += sorted(torch.randint(1, 5, (count,), generator=generator).div(4).tolist(), reverse=True)
    indptr = torch.zeros(num_items + 1, dtype=torch.int32)
    indptr[1:] = torch.bincount(torch.tensor(rows, dtype=torch.int64), minlength=num_items).cumsum(0)
    return SparseGraph(indptr, torch.tensor(cols, dtype=torch.int32), torch.tensor(weights), num_items)


def lists(graph: SparseGraph) -> list[dict[int, float]]:
    """The neighbours of every item but itself, with their weights."""
    found: list[dict[int, float]] = [{} for _ in range(graph.num_cols)]
    for row, col, weight in zip(graph.row.tolist(), graph.col.tolist(), graph.weight.tolist(), strict=True):
        if row != col:
            found[row][col] = weight
    return found


item_graph_pairs = st.tuples(st.integers(0, 2**30), st.integers(0, 2**30)).map(
    lambda seeds: tuple(random_graph(seed) for seed in seeds)
)
"""Two graphs over the same items."""
