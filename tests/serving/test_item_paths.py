from pathlib import Path

import pytest
import torch

from brmrs_graph.branches import FUSED
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.models import ItemPaths
from brmrs_graph.serving import TrainedModel, load, read_item_paths, save, write_item_paths
from brmrs_graph.training.checkpoint import save_tensors

GRAPH = SparseGraph.from_edges(torch.tensor([0, 0, 2]), torch.tensor([1, 2, 0]), (3, 3), torch.tensor([0.5, 0.25, 1]))


def test_paths_come_back_as_they_were(tmp_path: Path) -> None:
    items = {"visual": torch.randn(3, 4), FUSED: torch.randn(3, 8)}
    write_item_paths(tmp_path, ItemPaths(GRAPH, items))
    found = read_item_paths(tmp_path)
    assert found is not None and list(found.items) == list(items)
    assert all(torch.equal(found.items[name], x) for name, x in items.items())
    assert torch.equal(found.graph.to_dense(), GRAPH.to_dense())


def test_a_model_without_them_has_no_file(tmp_path: Path) -> None:
    write_item_paths(tmp_path, None)
    assert not list(tmp_path.iterdir()) and read_item_paths(tmp_path) is None


def test_a_model_is_kept_with_its_paths(dense: TrainedModel, data: MultimodalDataset, tmp_path: Path) -> None:
    ends = torch.arange(200)
    graph = SparseGraph.from_edges(ends, ends.roll(1), (200, 200))
    save(tmp_path, dense.branches, data, ItemPaths(graph, {FUSED: torch.ones(200, 12)}))
    model = load(tmp_path)
    (path,) = model.explain("007", model.item_ids[40]).paths
    assert (path.neighbor, path.weight) == (model.item_ids[39], 1.0)
    assert path.brings == {FUSED: pytest.approx(float(dense.branches.users()[0].sum()), abs=1e-5)}
    write_item_paths(tmp_path, ItemPaths(GRAPH, {}))
    with pytest.raises(CheckpointError, match="is of other items than"):
        load(tmp_path)


@pytest.mark.parametrize("state", [{}, {"items": []}, {"items": ["visual"]}, {"items": 3}])
def test_something_else_is_refused(tmp_path: Path, state: dict[str, object]) -> None:
    save_tensors(tmp_path / "item_paths.safetensors", {"x": torch.ones(1)}, state)
    with pytest.raises(CheckpointError, match="does not hold the item graph"):
        read_item_paths(tmp_path)
