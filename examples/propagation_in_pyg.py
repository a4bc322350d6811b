"""This library's propagation inside a PyTorch Geometric model of one's own: ``python -m examples.propagation_in_pyg``.

The data come as a ``HeteroData``; the layers before are PyG's (an MLP on the items' features and a graph attention
layer over the kNN graph of their pictures). ``LightGCNPropagation`` takes the place of a stack of ``LGConv`` layers.
"""

import torch
from torch import nn
from torch_geometric.metrics import LinkPredRecall
from torch_geometric.nn import MLP, GATConv, LGConv
from torch_geometric.utils import to_undirected

from brmrs_graph.graphs import as_graph, symmetric_normalize
from brmrs_graph.inspection import item_graphs
from brmrs_graph.inspection.formats.pyg import to_hetero
from brmrs_graph.nn import LightGCNPropagation
from brmrs_graph.sampling import UniformSampler
from experiments.catalog import load

BOUGHT, SIMILAR = ("user", "bought", "item"), ("item", "frozen_visual", "item")


class Shop(nn.Module):
    """Users and items of a HeteroData as vectors whose dot product is the score."""

    def __init__(self, shop, dim=32):
        super().__init__()
        self.user = nn.Embedding(shop["user"].num_nodes, dim)
        self.encode = MLP([shop["item"].x_visual.size(1) + shop["item"].x_textual.size(1), dim, dim])
        self.similar = GATConv(dim, dim)
        # Converted and normalised once, not in every step.
        self.graph = symmetric_normalize(as_graph(shop, edge_type=BOUGHT))
        self.propagate = LightGCNPropagation(num_layers=2)

    def forward(self, shop):
        """User vectors, |U|×dim, and item vectors, |I|×dim."""
        items = self.encode(torch.cat([shop["item"].x_visual, shop["item"].x_textual], dim=1))
        items = items + self.similar(items, shop[SIMILAR].edge_index)
        return self.propagate((self.user.weight, items), self.graph)


if __name__ == "__main__":
    torch.manual_seed(0)
    data = load("boutique").rotated(32)
    shop = to_hetero(data, item_graphs(data, k=10).named())
    model = Shop(shop)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    users, positives = shop[BOUGHT].edge_index
    sampler = UniformSampler(data.train_edges, data.num_users, data.num_items)
    for step in range(41):
        u, i = model(shop)
        margin = (u[users] * (i[positives] - i[sampler.draw(users, 1).squeeze(1)])).sum(dim=1)
        loss = nn.functional.softplus(-margin).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step}: BPR {float(loss.detach()):.3f}")

    model.eval()
    with torch.no_grad():
        u, i = model(shop)
    scores = u @ i.t()
    scores[users, positives] = -torch.inf
    metric = LinkPredRecall(k=20)
    metric.update(scores.topk(20).indices, torch.from_numpy(data.test.toarray()).nonzero().t())
    print(f"test Recall@20 of 41 full-batch steps on the synthetic boutique: {float(metric.compute()):.3f}")

    # The same as PyG's own layers give, on the square graph over users and items.
    x = torch.cat([model.user.weight, torch.randn_like(i)]).detach()
    edges = to_undirected(torch.stack([users, positives + data.num_users]))
    first = LGConv()(x, edges)
    theirs = (x + first + LGConv()(first, edges)) / 3
    ours = torch.cat(model.propagate(x.split([data.num_users, data.num_items]), model.graph))
    print(f"largest difference from two LGConv layers: {float((ours - theirs).abs().max()):.0e}")
