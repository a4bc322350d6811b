import numpy as np
import scipy.sparse as sp
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.evaluation import rank
from experiments.benchmark.evaluation import plain


def test_the_plain_way_finds_the_same_items() -> None:
    generator = torch.Generator().manual_seed(0)
    users = {name: torch.randn(70, 8, generator=generator) for name in ("visual", "fused")}
    items = {name: torch.randn(90, 8, generator=generator) for name in ("visual", "fused")}
    branches = Branches(users, items)
    pairs = np.random.default_rng(0).random((70, 90))
    seen, held_out = sp.csr_matrix(pairs < 0.2), sp.csr_matrix((pairs > 0.9).astype(np.float32))
    asked = torch.from_numpy(np.flatnonzero(np.diff(held_out.indptr)))
    found = plain(branches, seen, asked, ("visual", "fused"))
    for name, ranking in rank(branches, seen, held_out, names=("visual", "fused")).items():
        assert torch.equal(found[name], ranking.items)
