"""What the dense computations of several models have in common: formulas on plain matrices, in double precision."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from brmrs_graph.data import MultimodalDataset

Pair = tuple[Tensor, Tensor]


def interactions(data: MultimodalDataset) -> Tensor:
    """R, |U|×|I|."""
    return torch.from_numpy(data.train.toarray()).double()


def degree_normalised(a: Tensor) -> Tensor:
    """D_row^-1/2 A D_col^-1/2."""
    left, right = (torch.where(d > 0, d.clamp(min=1e-12) ** -0.5, 0.0) for d in (a.sum(1), a.sum(0)))
    return left[:, None] * a * right


def layers(r: Tensor, x: Pair, num_layers: int) -> list[Pair]:
    """The vectors of users and items after 0, 1, …, L layers."""
    found = [x]
    for _ in range(num_layers):
        found.append((r @ found[-1][1], r.T @ found[-1][0]))
    return found


def lightgcn(r: Tensor, x: Pair, num_layers: int) -> Pair:
    """The mean over layers."""
    users, items = zip(*layers(r, x, num_layers), strict=True)
    return torch.stack(users).mean(0), torch.stack(items).mean(0)


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters by name."""
    return {name: x.detach().double() for name, x in model.named_parameters()}


def linear(state: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """W x + b by rows, with the parameters of that name."""
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + torch.exp(-x))


def unit(x: Tensor) -> Tensor:
    """Rows of length 1; zero rows stay."""
    return x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)


def rows_to_one(a: Tensor) -> Tensor:
    """Rows of sum 1; zero rows stay."""
    return a / a.sum(1, keepdim=True).clamp(min=1e-12)


def strongest(weight: Tensor, k: int) -> Tensor:
    """The k largest positive entries of every row, the lower column among equals; all others 0."""
    kept = torch.zeros_like(weight)
    for row, values in enumerate(weight.tolist()):
        order = sorted((j for j, value in enumerate(values) if value > 0), key=lambda j: (-values[j], j))[:k]
        kept[row, order] = weight[row, order]
    return kept


def standardised(data: MultimodalDataset, m: str) -> Tensor:
    """Features of mean zero by column and mean square 1 overall, over the items that have them; the others 0."""
    there = ~data.missing[m]
    x = data.features[m].double()
    x = (x - x[there].mean(0)) * there[:, None]
    return x / x[there].square().mean().sqrt()


def projected(
    data: MultimodalDataset,
    state: Mapping[str, Tensor],
    m: str,
    scaled: Callable[[Tensor], Tensor] = lambda x: x,
) -> Tensor:
    """Standardised (and scaled) features through ``content.layers.m``; 0 where an item lacks the modality."""
    return linear(state, f"content.layers.{m}", scaled(standardised(data, m))) * ~data.missing[m][:, None]


def nearest(data: MultimodalDataset, m: str, k: int) -> Pair:
    """Which items are the k nearest of each, itself among them, and all cosines; |I|×|I| each."""
    x, there = unit(data.features[m].double()), ~data.missing[m]
    cosine = x @ x.T
    neighbor = torch.zeros_like(cosine)
    for i in there.nonzero().flatten().tolist():
        others = sorted(there.nonzero().flatten().tolist(), key=lambda j: (j != i, -float(cosine[i, j])))
        neighbor[i, others[:k]] = 1
    return neighbor, cosine


def frozen_graph(data: MultimodalDataset, k: int, beta: Mapping[str, float]) -> Tensor:
    """The weighted mean of the row-normalised kNN graphs, over the modalities that an item has."""
    mixed = torch.zeros(data.num_items, data.num_items, dtype=torch.float64)
    for m, weight in beta.items():
        neighbor, _ = nearest(data, m, k)
        mixed += weight * neighbor / neighbor.sum(1, keepdim=True).clamp(min=1)
    return rows_to_one(mixed)


def infonce(first: Tensor, second: Tensor, temperature: float) -> float:
    """-log of the share of the pair's own similarity, row by row."""
    first, second = first.detach().double(), second.detach().double()
    similarity = torch.exp(unit(first) @ unit(second).T / temperature)
    return float(-torch.log(similarity.diagonal() / similarity.sum(1)).mean())


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """Cosine of each row with the same row of the other."""
    return (unit(first.double()) * unit(second.double())).sum(1)
