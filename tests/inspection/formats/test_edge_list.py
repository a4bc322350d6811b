import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from brmrs_graph.errors import DataError
from brmrs_graph.graphs import knn_graph
from brmrs_graph.inspection.formats.edge_list import edge_table, read_edges, write_edges
from tests.inspection.formats.awkward_ids import AWKWARD_IDS
from tests.inspection.random_graphs import N, item_graph_pairs, random_graph

IDS = [str(i) for i in range(N)]


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(item_graph_pairs)
def test_what_is_written_comes_back(tmp_path, graphs) -> None:
    graphs = {"z": graphs[0], "a": graphs[1], "empty": knn_graph(torch.zeros(N, 1), 2)}
    write_edges(tmp_path / "edges.parquet", graphs, IDS)
    read = read_edges(tmp_path / "edges.parquet", IDS)
    assert list(read) == list(graphs)
    for name, graph in graphs.items():
        for part in ("indptr", "indices", "weight"):
            assert torch.equal(getattr(read[name], part), getattr(graph, part))


def test_ids_survive_as_they_are(tmp_path) -> None:
    n = len(AWKWARD_IDS)
    graph = random_graph(0, num_items=n, empty=0)
    write_edges(tmp_path / "new" / "edges.parquet", {"g": graph}, AWKWARD_IDS)
    table = pd.read_parquet(tmp_path / "new" / "edges.parquet")
    assert table["item_id"].tolist() == [AWKWARD_IDS[i] for i in graph.row.tolist()]
    assert table["neighbor_id"].tolist() == [AWKWARD_IDS[i] for i in graph.col.tolist()]
    assert torch.equal(read_edges(tmp_path / "new" / "edges.parquet", AWKWARD_IDS)["g"].to_dense(), graph.to_dense())


def test_ranks_count_from_1_in_every_row() -> None:
    graph = knn_graph(torch.randn(N, 3, generator=torch.Generator().manual_seed(0)), 3)
    table = edge_table({"g": graph}, IDS)
    assert table["rank"].tolist() == [1, 2, 3] * N
    assert table.groupby("item_id")["weight"].apply(lambda weight: weight.is_monotonic_decreasing).all()


def test_another_order_of_items_gives_the_same_graph_over_them(tmp_path) -> None:
    graph = random_graph(1)
    write_edges(tmp_path / "edges.parquet", {"g": graph}, IDS)
    read = read_edges(tmp_path / "edges.parquet", IDS[::-1])["g"]
    assert torch.equal(read.to_dense().flip(0, 1), graph.to_dense())


def test_what_cannot_be_read_is_one_error_that_names_the_file_and_the_remedy(tmp_path) -> None:
    path = tmp_path / "edges.parquet"
    with pytest.raises(DataError, match=r"edges\.parquet cannot be read .* write the edges again"):
        read_edges(path, IDS)
    write_edges(path, {"g": random_graph(0, empty=0)}, IDS)
    with pytest.raises(DataError, match=r"item_id names 2 items that the data set does not have \(7, 8\); take"):
        read_edges(path, IDS[:7])
    with pytest.raises(DataError, match="ids 0 stand for several items"):
        read_edges(path, [*IDS, "0"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_edges(path, IDS)
    pd.DataFrame({"graph": ["g"], "item_id": ["0"]}).to_parquet(path)
    with pytest.raises(DataError, match="has no column neighbor_id, rank, weight"):
        read_edges(path, IDS)


def test_an_id_that_is_no_text_is_refused_and_nothing_is_written(tmp_path) -> None:
    with pytest.raises(DataError, match=r"edges\.parquet cannot hold the id '\\ud83e'"):
        write_edges(tmp_path / "edges.parquet", {"g": random_graph(0, num_items=2, degree=1, empty=0)}, ["\ud83e", "x"])
    assert not list(tmp_path.iterdir())
