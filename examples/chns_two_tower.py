"""The method's losses in a training loop of one's own, in plain torch: ``python -m examples.chns_two_tower``.

A two-tower model without a graph: free user vectors and, for each modality, a linear map of the items' features.
Nothing of this library's trainer is used; of the model it only needs to see ``Branches``.
"""

import torch
from torch import nn

from brmrs_graph.branches import Branches, PairScores
from brmrs_graph.data.features import standardize
from brmrs_graph.evaluation import rank, summarize
from brmrs_graph.losses import bpr_loss, chns_loss, synergy_loss
from brmrs_graph.nn import ConcatFusion
from brmrs_graph.sampling import CrossModalSampler, UniformSampler
from experiments.catalog import load

EPOCHS, POOL, CHNS, SYNERGY = 6, 4, 1.0, 1.0


class TwoTower(nn.Module):
    """A tower for each modality; the scores of the towers add up."""

    def __init__(self, data, dim=32):
        super().__init__()
        self.features = {m: standardize(x, data.missing[m]) for m, x in data.features.items()}
        self.users = nn.ParameterDict({m: torch.randn(data.num_users, dim) / dim for m in data.features})
        self.towers = nn.ModuleDict({m: nn.Linear(x.size(1), dim) for m, x in data.features.items()})

    def forward(self):
        """The vectors of both towers, and their sum of scores as the fused one."""
        items = {m: tower(self.features[m]) for m, tower in self.towers.items()}
        return Branches(dict(self.users.items()), items, tuple(items), ConcatFusion())


def loss(branches, users, positives, uniform, chns, plugged):
    """BPR on the fused score and, where it is plugged in, what the method adds."""

    def margin(branch, negatives):
        scores = branches.score(branch, users, torch.stack([positives, negatives], dim=1))
        return scores[:, 0] - scores[:, 1]

    candidates = uniform.draw(users, POOL)
    fused = margin("fused", candidates[:, 0])
    if not plugged:
        return bpr_loss(fused)
    # For (A, B): of each pool the item that modality A confuses most with the positive. It trains B.
    hard = chns.draw(PairScores(branches, users, candidates), positives)
    unimodal = [margin(m, candidates[:, 0]) for m in branches.modalities]
    return (
        bpr_loss(fused)
        + CHNS * chns_loss(lambda branch, direction: margin(branch, hard[direction]), hard, fused=0.0)
        + SYNERGY * synergy_loss(fused, unimodal)
    )


def train(data, plugged):
    """Validation Recall@20 by branch after a few epochs."""
    torch.manual_seed(0)
    model = TwoTower(data)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    uniform = UniformSampler(data.train_edges, data.num_users, data.num_items)
    chns = CrossModalSampler("pool", uniform.seen)
    for _ in range(EPOCHS):
        for batch in torch.randperm(data.train_edges.size(1)).split(2048):
            total = loss(model(), *data.train_edges[:, batch], uniform, chns, plugged)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    rankings = rank(model(), data.train, data.valid, names=(*data.modalities, "fused"))
    return {name: summarize(ranking)["recall@20"] for name, ranking in rankings.items()}


if __name__ == "__main__":
    boutique = load("boutique").rotated(32)
    print(f"validation Recall@20 on the synthetic boutique, {EPOCHS} epochs, one seed: a sketch, not a result")
    for plugged in (False, True):
        found = train(boutique, plugged)
        print("BPR + CHNS + synergy:" if plugged else "BPR:", ", ".join(f"{b} {r:.3f}" for b, r in found.items()))
