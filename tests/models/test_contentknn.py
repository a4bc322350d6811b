from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import ContentKNNConfig, create_model

MakeData = Callable[..., MultimodalDataset]


def dense_scores(data: MultimodalDataset, k: int) -> dict[str, Tensor]:
    """By modality: sums of positive cosines over the k nearest neighbours of each item that have the modality."""
    r = torch.from_numpy(data.train.toarray()).double()
    scores = {}
    for name, x in data.features.items():
        unit = torch.nn.functional.normalize(x.double(), dim=1)
        cosine = unit @ unit.t()
        kept = torch.zeros_like(cosine)
        for i in range(data.num_items):
            others = [j for j in range(data.num_items) if j != i and not data.missing[name][[i, j]].any()]
            nearest = sorted(others, key=lambda j: -float(cosine[i, j]))[:k]
            kept[i, nearest] = cosine[i, nearest].clamp(min=0)
        scores[name] = r @ kept.t()
    return scores


@pytest.mark.parametrize("weights", [{}, {"visual": 2.0, "acoustic": 0.5}])
@pytest.mark.parametrize("modalities", [("visual",), ("visual", "textual", "acoustic")])
def test_scores_are_sums_of_cosines_to_the_history(
    modalities: tuple[str, ...], weights: Mapping[str, float], make_data: MakeData, close: Callable[..., None]
) -> None:
    data = make_data(modalities, missing=0.25, isolated=True)
    weights = {name: weight for name, weight in weights.items() if name in modalities}
    branches = create_model("contentknn", data, ContentKNNConfig(4, weights))()
    assert branches.names == (*modalities, "fused") and branches.modalities == modalities
    users = torch.arange(data.num_users)
    expected = dense_scores(data, 4)
    for name, scores in expected.items():
        close(branches.score_all(name, users), scores)
        assert not branches.score_all(name, users)[:, data.missing[name]].any()
    fused = sum(weights.get(name, 1 / len(modalities)) * scores for name, scores in expected.items())
    close(branches.score_all("fused", users), fused)
