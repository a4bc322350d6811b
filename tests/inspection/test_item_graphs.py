import pytest
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.inspection import item_graphs, propagated_graphs
from brmrs_graph.inspection.item_graphs import without_loops
from brmrs_graph.models import create_model


def equal(a: SparseGraph, b: SparseGraph) -> bool:
    return torch.equal(a.indptr, b.indptr) and torch.equal(a.indices, b.indices) and torch.equal(a.weight, b.weight)


def test_frozen_graphs_are_of_features_and_learned_ones_of_trained_vectors(make_data) -> None:
    data = make_data(("visual", "textual", "audio"), missing=0.2)
    model = create_model("brmrs", data)
    graphs = item_graphs(data, model(), 4, model=model)
    assert list(graphs.frozen) == list(data.modalities)
    for m in data.modalities:
        assert equal(graphs.frozen[m], knn_graph(data.features[m], 4, missing=data.missing[m]))
    assert list(graphs.learned) == [*data.modalities, "fused"]
    with torch.no_grad():
        for name in graphs.learned:
            assert equal(graphs.learned[name], knn_graph(model().items(name), 4))
    assert list(graphs.propagated) == ["mixed"] and equal(graphs.propagated["mixed"], model.item_graph)
    assert list(graphs.named())[2:5] == ["frozen_audio", "propagated_mixed", "learned_visual"]
    assert graphs.item_ids == [str(i) for i in range(data.num_items)]


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("freedom", ["mixed"]),
        ("mgcn", ["visual", "textual"]),
        ("smore", ["visual", "textual", "fused"]),
        ("lattice", ["raw_visual", "raw_textual", "learned_visual", "learned_textual"]),
        ("lightgcn", []),
    ],
)
def test_propagated_graphs_are_the_models_own(toy, name, names) -> None:
    model = create_model(name, toy)
    found = propagated_graphs(model)
    assert sorted(found) == sorted(names)
    assert all(graph.shape == (toy.num_items, toy.num_items) for graph in found.values())


def test_without_branches_and_model_there_are_frozen_graphs_alone(toy) -> None:
    assert list(item_graphs(toy, k=3).named()) == ["frozen_visual", "frozen_textual"]


def test_what_cannot_be_compared_is_refused(toy) -> None:
    def branches(items: torch.Tensor) -> Branches:
        return Branches({"fused": torch.ones(2, 3)}, {"fused": items})

    with pytest.raises(ConfigError, match="branches have 5 items, the data set has 18"):
        item_graphs(toy, branches(torch.ones(5, 3)), 3)
    with pytest.raises(TrainingError, match="'fused' are not finite"):
        item_graphs(toy, branches(torch.full((18, 3), torch.nan)), 3)
    with pytest.raises(ConfigError, match="'fused' scores by neighbours"):
        item_graphs(toy, create_model("itemknn", toy)(), 3)
    with pytest.raises(ConfigError, match="k=18 nearest neighbours"):
        item_graphs(toy, k=18)


def test_loops_are_left_out_and_all_else_stays() -> None:
    graph = SparseGraph.from_edges(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]), (2, 2), torch.tensor([1.0, 2, 3]))
    assert without_loops(graph).to_dense().tolist() == [[0, 2], [3, 0]]
