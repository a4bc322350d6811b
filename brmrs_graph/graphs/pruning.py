"""Degree-sensitive pruning of the user-item graph."""

from __future__ import annotations

import torch

from brmrs_graph.graphs.normalize import symmetric_normalize
from brmrs_graph.graphs.sparse import SparseGraph


def prune_edges(graph: SparseGraph, keep: float, generator: torch.Generator | None = None) -> SparseGraph:
    r"""Samples a fixed share of the edges, those of popular nodes more rarely, and normalises them anew.

    Edges are drawn one after another without replacement, each in proportion to its weight. With the weights
    :math:`1/\sqrt{d_u d_i}` of :func:`~brmrs_graph.graphs.bipartite_graph` this is the degree-sensitive pruning of
    FREEDOM (Zhou and Shen, MM 2023), which PGL uses as well.

    Args:
        graph: A bipartite block, shape [|U|, |I|], with positive weights.
        keep: Share of edges kept, in (0, 1].
        generator: Source of randomness on the CPU.
    """
    # The first arrivals of independent exponential clocks whose rates are the weights come in exactly this law.
    arrival = torch.empty(graph.num_edges).exponential_(generator=generator).to(graph.device) / graph.weight
    first = arrival.topk(int(keep * graph.num_edges), largest=False).indices
    kept = graph.select(torch.zeros_like(graph.weight, dtype=torch.bool).index_fill_(0, first, True))
    return symmetric_normalize(kept.with_weight(torch.ones_like(kept.weight)))
