"""What the positives of held-out pairs are compared with: look-alikes in one modality, and two controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches, PairScores
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.held_out import held_out_pairs, known_pairs
from brmrs_graph.errors import TrainingError
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.sampling import Closeness, Direction, PairSet, common_neighbors, inconsistent_neighbors


@dataclass(frozen=True)
class CandidateSets:
    r"""The held-out pairs of a data set, and the items that the positive of each is compared with.

    They follow from the data alone: built once by :func:`candidate_sets`, they serve every model of the same data.
    Close and far are the same set for (A, B) and (B, A). Items that lack A or B are in none of the three.

    Args:
        users: User of every held-out (test) pair, int64, shape [n].
        items: Its item i+, int64, shape [n].
        row: Position of the user among the users with held-out items, int64, shape [n].
        num_users: Number of users with held-out items.
        known: The positives of all splits; none of them is ever compared.
        degree: Training interactions of every item, int64, shape [|I|].
        lookalikes: (A, B) -> :math:`P_{A \setminus B}`, row i+ listing the items close to it in A and not in B.
        negatives: (A, B) -> what CHNS draws from in training, see
            :func:`~brmrs_graph.sampling.inconsistent_neighbors`: look-alikes, and stand-ins where there are few.
        close: (A, B) -> the items close in both, :math:`N_A^K(i_+) \cap N_B^K(i_+)`.
        far: (A, B) -> random items far in both: in neither kNN list and :math:`z \le \delta` in either modality.
    """

    users: Tensor
    items: Tensor
    row: Tensor
    num_users: int
    known: PairSet
    degree: Tensor
    lookalikes: Mapping[Direction, SparseGraph]
    negatives: Mapping[Direction, SparseGraph]
    close: Mapping[Direction, SparseGraph]
    far: Mapping[Direction, SparseGraph]

    def compared(self, graph: SparseGraph, block: int = 1024) -> Iterator[tuple[Tensor, Tensor]]:
        """The comparisons (u, i+, j) with j in the row i+ of a graph and never a positive of u, block by block.

        Args:
            graph: One of the item graphs, |I|×|I|.
            block: Held-out pairs taken at once; memory is ``block`` times the longest row.

        Yields:
            The held-out pair of each comparison (a position in ``users`` and ``items``) and j, int64, shape [m].
        """
        start, degree = graph.indptr[:-1].long(), graph.degree()
        for pair in torch.arange(self.items.numel()).split(block):
            count = degree[self.items[pair]]
            first = start[self.items[pair]] - (count.cumsum(0) - count)
            edge = torch.arange(int(count.sum())) + first.repeat_interleave(count)
            pair, item = pair.repeat_interleave(count), graph.indices[edge].long()
            unknown = ~self.known.contains(self.users[pair], item)
            yield pair[unknown], item[unknown]


def candidate_sets(
    data: MultimodalDataset, k: int = 50, delta: float = 1.0, *, num_far: int = 50, seed: int = 0
) -> CandidateSets:
    """Finds, for every two modalities, the look-alikes in one of them and the items close and far in both.

    Far items meet in both modalities the condition that a look-alike meets in one. Items are drawn for the positive
    item, not for each pair: pairs with the same item share them.

    Args:
        data: The data set; the test pairs are those compared.
        k: Neighbours in the kNN graphs.
        delta: Largest standardised similarity of items that count as far, see
            :class:`~brmrs_graph.sampling.Closeness`.
        num_far: Random items drawn for each item; those that are not far in both are dropped.
        seed: Seed of the random items.

    Raises:
        ConfigError: If there are no ``k`` other items.
    """
    neighbors = {m: knn_graph(x, k, missing=data.missing[m]) for m, x in data.features.items()}
    closeness = {
        m: Closeness(neighbors[m], x, data.missing[m], delta=delta, seed=seed) for m, x in data.features.items()
    }
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(data.num_items, (data.num_items * num_far,), generator=generator)
    ids = torch.arange(data.num_items).repeat_interleave(num_far)
    other = ids != drawn
    random = SparseGraph.from_edges(ids[other], drawn[other], (data.num_items, data.num_items))
    different = {m: closeness[m].different(random.row, random.col) for m in data.features}

    lookalikes, negatives, close, far = {}, {}, {}, {}
    for a, b in combinations(data.features, 2):
        for near_in, apart_in in ((a, b), (b, a)):
            near = neighbors[near_in]
            lookalikes[near_in, apart_in] = near.select(closeness[apart_in].different(near.row, near.col))
            negatives[near_in, apart_in] = inconsistent_neighbors(near, closeness[apart_in])
        close[a, b] = close[b, a] = common_neighbors(neighbors[a], neighbors[b])
        far[a, b] = far[b, a] = random.select(different[a] & different[b])

    pairs = held_out_pairs(data)
    return CandidateSets(
        users=pairs.users,
        items=pairs.items,
        row=pairs.row,
        num_users=pairs.everyone.numel(),
        known=PairSet(known_pairs(data), data.num_items),
        degree=torch.bincount(data.train_edges[1], minlength=data.num_items),
        lookalikes=lookalikes,
        negatives=negatives,
        close=close,
        far=far,
    )


def compare_scores(
    branches: Branches, sets: CandidateSets, pair: Tensor, item: Tensor, names: Sequence[str]
) -> dict[str, tuple[Tensor, Tensor]]:
    """The scores on both sides of comparisons.

    Args:
        branches: The model's branches.
        sets: Where the comparisons come from.
        pair: Held-out pair of each comparison, as :meth:`CandidateSets.compared` gives it (ascending), shape [m].
        item: The item j of each, shape [m].
        names: Branches that score.

    Returns:
        Branch -> (s(u, i+), s(u, j)), each of shape [m], on the CPU.
    """
    device = branches.items(FUSED).device
    once, back = pair.unique_consecutive(return_inverse=True)  # many comparisons share the positive
    positive = PairScores(branches, sets.users[once].to(device), sets.items[once].to(device))
    negative = PairScores(branches, sets.users[pair].to(device), item.to(device))
    return {name: (positive[name].cpu()[back], negative[name].cpu()) for name in names}


def require_finite(branches: Branches, names: Sequence[str]) -> None:
    """Checks that the embeddings of some branches are finite.

    Raises:
        TrainingError: Naming the first branch that is not: comparisons with NaN are false, which would look good.
    """
    for name in names:
        if not branches.is_finite(name):
            raise TrainingError(f"the embeddings of the branch '{name}' are not finite; the model cannot be diagnosed")
