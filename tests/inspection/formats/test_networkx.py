import networkx as nx
import pytest
import torch
from hypothesis import given, settings

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.inspection.formats.networkx import decode_id, to_networkx, write_graphml
from tests.inspection.formats.awkward_ids import AWKWARD_IDS
from tests.inspection.random_graphs import N, item_graph_pairs, random_graph


@settings(deadline=None, max_examples=20)
@given(item_graph_pairs)
def test_every_edge_has_its_weight_in_every_graph_that_has_it(graphs) -> None:
    merged = to_networkx({"a": graphs[0], "b": graphs[1]}, [str(i) for i in range(N)])
    found = {(i, j, name): weight for i, j, edge in merged.edges(data=True) for name, weight in edge.items()}
    assert found == {
        (i, j, name): weight
        for name, graph in zip("ab", graphs, strict=True)
        for i, j, weight in zip(graph.row.tolist(), graph.col.tolist(), graph.weight.tolist(), strict=True)
    }
    assert list(merged) == list(range(N))


def test_graphml_opens_with_the_same_counts_weights_and_ids(tmp_path) -> None:
    n = len(AWKWARD_IDS)
    graphs = {"frozen_visual": random_graph(0, num_items=n), "learned_<&\x01>": random_graph(1, num_items=n)}
    path = tmp_path / "new" / "graph.graphml"
    write_graphml(path, graphs, AWKWARD_IDS)
    read, made = nx.read_graphml(path, node_type=int), to_networkx(graphs, AWKWARD_IDS)
    assert (len(read), read.number_of_edges()) == (len(made), made.number_of_edges())
    assert read.is_directed()
    assert [decode_id(read.nodes[i]["item_id"]) for i in range(n)] == list(AWKWARD_IDS)
    for i, j, edge in made.edges(data=True):
        assert {decode_id(name): weight for name, weight in read.edges[i, j].items()} == edge


def test_ids_that_xml_can_hold_are_written_as_they_are(tmp_path) -> None:
    ids = ["B00&<1", "日本 🧥"]
    graph = SparseGraph.from_edges(torch.tensor([0]), torch.tensor([1]), (2, 2))
    write_graphml(tmp_path / "graph.graphml", {"g": graph}, ids)
    read = nx.read_graphml(tmp_path / "graph.graphml")
    assert [read.nodes[node]["item_id"] for node in ("0", "1")] == ids


def test_half_a_surrogate_pair_comes_back(tmp_path) -> None:
    ids = ["\ud83e", "x"]
    write_graphml(tmp_path / "graph.graphml", {"g": random_graph(0, num_items=2, degree=1)}, ids)
    assert decode_id(nx.read_graphml(tmp_path / "graph.graphml").nodes["0"]["item_id"]) == ids[0]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch) -> None:
    path = tmp_path / "graph.graphml"
    path.write_text("before")

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(nx, "write_graphml", fail)
    with pytest.raises(OSError, match="disk full"):
        write_graphml(path, {"g": random_graph(0)}, [str(i) for i in range(N)])
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
