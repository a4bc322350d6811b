from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.evaluation import rank
from brmrs_graph.models import create_model


def test_ranks_by_training_popularity_with_ties_to_the_lower_id(toy: MultimodalDataset) -> None:
    counts = toy.train.toarray().sum(axis=0)
    assert len(set(counts)) < len(counts)  # there are ties
    order = sorted(range(toy.num_items), key=lambda item: (-counts[item], item))
    nothing = sp.csr_matrix(toy.train.shape, dtype=np.float32)
    ranking = rank(create_model("mostpop", toy)(), nothing, toy.test, k=toy.num_items)["fused"]
    assert ranking.items.tolist() == [order] * ranking.users.numel()


def test_scores_are_counts_of_training_pairs_alone(toy: MultimodalDataset) -> None:
    model = create_model("mostpop", replace(toy, valid=toy.test, test=toy.valid))
    expected = torch.from_numpy(toy.train.toarray().sum(axis=0)).float()
    assert torch.equal(model().score_all("fused", torch.tensor([0, 3])), expected.expand(2, -1))
    assert list(model.parameters()) == []
