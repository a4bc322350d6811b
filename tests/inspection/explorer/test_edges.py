import numpy as np
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.graphs import knn_graph
from brmrs_graph.inspection.explorer.edges import BETWEEN, DIFFERENT, NEAR, UNKNOWN, edge_blocks, edge_views
from brmrs_graph.sampling import Closeness

from .decoding import numbers_of, rows_of

K = 3


def test_edges_are_seen_as_their_definitions_say(data: MultimodalDataset) -> None:
    near = {m: knn_graph(x, K, missing=data.missing[m]) for m, x in data.features.items()}
    closeness = {m: Closeness(graph, data.features[m], data.missing[m]) for m, graph in near.items()}
    x = torch.nn.functional.normalize(data.features["textual"], dim=1)
    known = ~data.missing["textual"]
    cosine = x @ x.t()
    mean, std = cosine[:, known].mean(dim=1), cosine[:, known].std(dim=1, correction=0)
    lists = near["textual"].to_dense() != 0
    graph = near["visual"]
    views = edge_views(graph, closeness["textual"])
    for i, j, view in zip(graph.row.tolist(), graph.col.tolist(), views.tolist(), strict=True):
        if not (known[i] and known[j]):
            expected = UNKNOWN
        elif lists[i, j]:
            expected = NEAR
        else:
            expected = DIFFERENT if (cosine[i, j] - mean[i]) / std[i] <= 1 else BETWEEN
        assert view == expected
    assert set(views.tolist()) == {NEAR, BETWEEN, DIFFERENT, UNKNOWN}


def test_blocks_hold_the_edges_of_every_item(data: MultimodalDataset) -> None:
    near = {m: knn_graph(x, K, missing=data.missing[m]) for m, x in data.features.items()}
    closeness = {m: Closeness(graph, data.features[m], data.missing[m]) for m, graph in near.items()}
    graph = near["visual"]
    blocks = edge_blocks("content/visual", graph, closeness)
    rows = rows_of(blocks["content/visual/degree"], blocks["content/visual/items"])
    lists = [part.tolist() for part in graph.col.split(graph.degree().tolist())]
    assert rows == lists and [] in rows
    cosines = numbers_of(blocks["content/visual/cosine"]) / 100
    np.testing.assert_allclose(cosines, graph.weight.numpy(), atol=0.00501)
    seen = numbers_of(blocks["content/visual/seen"]).reshape(2, graph.num_edges)
    assert (seen[0] == NEAR).all(), "its own edges are near in it"
