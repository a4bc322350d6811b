import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import hit_partition
from brmrs_graph.diagnosis.held_out import held_out_pairs
from brmrs_graph.evaluation import estimates, rank
from brmrs_graph.inspection.explorer.places import held_out_places, hurt, rescued

K = 8
VISUAL, TEXTUAL, FUSED = range(3)


def test_places_are_those_of_the_rankings(data: MultimodalDataset, branches: Branches) -> None:
    pairs = held_out_pairs(data)
    places = held_out_places(branches, data, pairs, branches.names, block=7)
    rankings = rank(branches, data.train, data.test, data.num_items, branches.names)
    for column, name in enumerate(branches.names):
        ranking = rankings[name]
        for pair, (row, item) in enumerate(zip(pairs.row.tolist(), pairs.items.tolist(), strict=True)):
            assert ranking.items[row, places[pair, column] - 1] == item


def test_rescued_and_hurt_pairs_are_the_cells_of_the_partition(data: MultimodalDataset, branches: Branches) -> None:
    places = held_out_places(branches, data, held_out_pairs(data), branches.names)
    rankings = rank(branches, data.train, data.test, K, branches.names)
    cells = estimates(hit_partition(rankings, branches.modalities, K).cells)
    saved, lost = (find(places, (VISUAL, TEXTUAL), FUSED, K) for find in (rescued, hurt))
    shares = {cell: share.value for cell, share in cells.items()}
    assert len(saved) == round(len(places) * (shares["101"] + shares["011"])) > 0
    assert len(lost) == round(len(places) * (shares["110"] + shares["100"] + shares["010"])) > 0


def test_the_clearest_pairs_come_first() -> None:
    places = torch.tensor([[1, 90, 3], [2, 80, 2], [5, 9, 30], [9, 1, 20], [1, 1, 1], [50, 50, 50]])
    assert rescued(places, (VISUAL, TEXTUAL), FUSED, K).tolist() == [1, 0]
    assert hurt(places, (VISUAL, TEXTUAL), FUSED, K).tolist() == [3, 2]
