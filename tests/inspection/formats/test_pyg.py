from dataclasses import replace

import pytest
import torch
from torch_geometric.nn import SimpleConv

from brmrs_graph.graphs import as_graph
from brmrs_graph.inspection import item_graphs
from brmrs_graph.inspection.formats.pyg import to_hetero, to_pyg
from tests.inspection.random_graphs import random_graph


@pytest.mark.parametrize("seed", range(3))
def test_a_layer_of_pyg_gathers_what_the_graph_does(seed: int) -> None:
    graph = random_graph(seed)
    data = to_pyg(graph)
    x = torch.randn(data.num_nodes, 3)
    torch.testing.assert_close(SimpleConv("sum")(x, data.edge_index, data.edge_weight), graph @ x)
    assert torch.equal(as_graph(data).to_dense(), graph.to_dense())
    assert data.validate() and "item_id" not in data


def test_ids_go_along_in_order() -> None:
    ids = [f"ü{i}" for i in range(9)]
    assert to_pyg(random_graph(0), ids).item_id == ids


def test_a_whole_data_set_has_its_nodes_features_and_edges(make_data) -> None:
    toy = make_data(missing=0.2)
    data = replace(
        toy, user_ids=[f"u{i}" for i in range(toy.num_users)], item_ids=[f"i{i}" for i in range(toy.num_items)]
    )
    graphs = item_graphs(data, k=3).named()
    hetero = to_hetero(data, graphs)
    assert hetero.validate()
    assert (hetero["user"].num_nodes, hetero["item"].num_nodes) == (data.num_users, data.num_items)
    assert (hetero["user"].user_id, hetero["item"].item_id) == (data.user_ids, data.item_ids)
    assert torch.equal(hetero["item"].x_visual, data.features["visual"])
    assert torch.equal(hetero["item"].missing_textual, data.missing["textual"])
    assert torch.equal(hetero["user", "bought", "item"].edge_index, data.train_edges)
    x = torch.randn(data.num_items, 3)
    for name, graph in graphs.items():
        edges = hetero["item", name, "item"]
        torch.testing.assert_close(SimpleConv("sum")(x, edges.edge_index, edges.edge_weight), graph @ x)
