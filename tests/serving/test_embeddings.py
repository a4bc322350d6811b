from pathlib import Path

import pytest
import torch

from brmrs_graph.errors import CheckpointError
from brmrs_graph.serving import TrainedModel, read_branches, read_modalities, write_branches
from brmrs_graph.training.checkpoint import save_tensors


def test_scores_of_every_branch_come_back_in_every_bit(model: TrainedModel, tmp_path: Path) -> None:
    write_branches(tmp_path, model.branches)
    read = read_branches(tmp_path)
    assert type(read) is type(model.branches) and read.names == model.branches.names
    assert read.modalities == read_modalities(tmp_path) == model.branches.modalities
    users = torch.arange(read.num_users)
    for name in read.names:
        assert torch.equal(read.score_all(name, users), model.branches.score_all(name, users))


@pytest.mark.parametrize(
    ("tensors", "state"),
    [
        ({"fused.users": torch.ones(2, 2)}, {"modalities": []}),
        ({"visual.users": torch.ones(2, 2), "visual.items": torch.ones(2, 2)}, {"modalities": ["visual"]}),
        ({"fused.users": torch.ones(2, 2), "fused.items": torch.ones(2, 2)}, {}),
        ({}, {"modalities": [], "columns": {"fused.users": 3}}),
    ],
)
def test_a_file_of_something_else_is_named(tensors: dict, state: dict, tmp_path: Path) -> None:
    save_tensors(tmp_path / "embeddings.safetensors", tensors, state)
    with pytest.raises(CheckpointError, match=r"embeddings.safetensors does not hold"):
        read_branches(tmp_path)
