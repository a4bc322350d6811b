"""SMORE: modalities denoised and joined in the frequency domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

import torch
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, bipartite_graph, degree_normalize, knn_graph
from brmrs_graph.losses import infonce_loss
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ItemGraphPropagation, LightGCNPropagation, dropout


@dataclass(frozen=True)
class SMOREConfig:
    """Options of :class:`SMORE`."""

    dim: int = 64
    """Width d of all vectors."""
    num_layers: int = 3
    """Layers of propagation over the user-item graph (L_ui)."""
    item_layers: int = 1
    """Layers over the item graph of every view (L_ii)."""
    k: int = 10
    """Nearest neighbours per item in the item graphs, the item itself among them."""
    k_by_modality: Mapping[str, int] = field(default_factory=dict)
    """Neighbours where a modality has another number, as NAME K NAME K."""
    dropout: float = 0.0
    """Dropout of the preference gates in training."""
    contrast: float = 0.01
    """Weight λ_cl of the contrast between behaviour and content views."""
    temperature: float = 0.2
    """Temperature τ of that loss."""


@register_model("smore", SMOREConfig)
class SMORE(Recommender):
    r"""A filter per modality and one for their product in the frequency domain, gating ID vectors by item view.

    From "Spectrum-based Modality Representation Fusion Graph Convolutional Network for Multimodal Recommendation" (Ong
    and Khong, WSDM 2025). With the Fourier transform :math:`F` over the d dimensions of an item's vector, complex
    filters :math:`c` and the joint view f beside the modalities' views m:

    .. math::
        s^m &= F(W_m x^m + b_m), \quad s^f = \prod_m s^m, \quad
            h^v = q \odot \sigma(W'_v F^{-1}(c_v \odot s^v) + b'_v), \\
        Q^v &= S_v^{L_{ii}} h^v, \quad P^v = \hat R\, Q^v \quad (v \in \{m, f\}), \\
        E &= \mathrm{LightGCN}([p; q]), \quad a^m = \mathrm{softmax}(W''_m \tanh(W'''_m [P^f; Q^f] + b'''_m)),
            \quad a^f = 1, \\
        C &= \frac{1}{M + 1} \sum_v \mathrm{drop}(\sigma(U_v E + b''_v)) \odot a^v \odot [P^v; Q^v], \qquad Y = E + C

    :math:`S_m` is the cosine kNN graph of a modality, normalised by its row sums on both sides; :math:`S_f` their
    elementwise maximum.
    The model's own loss is InfoNCE between E and C, users plus items.

    Branches: each modality (its view :math:`[P^m; Q^m]` as the item graph leaves it, before the joint view weighs it,
    so that no other modality speaks in it; ID vectors do), ``"id"`` (E) and ``"fused"`` (Y).

    Where this differs from the published code: features are constants and not tuned, weight decay is on the free
    vectors instead of the final ones, and the contrast is over the batch's distinct users and items. Items that lack a
    modality have no features there, instead of mean ones, and no factor in the product.
    """

    needs_content = True
    revision = 1

    def __init__(self, data: MultimodalDataset, config: SMOREConfig) -> None:
        super().__init__()
        data.require_content("smore")
        if not 0 <= config.dropout < 1 or not config.temperature > 0:
            raise ConfigError(
                f"dropout={config.dropout} must lie in [0, 1) and temperature={config.temperature} above 0"
            )
        if unknown := set(config.k_by_modality) - set(data.modalities):
            raise ConfigError(
                f"k_by_modality names {', '.join(sorted(unknown))}, but the modalities are {data.modalities}"
            )
        self.config = config
        self.modalities = data.modalities
        dim, views = config.dim, (*data.modalities, FUSED)
        self.user = embedding(data.num_users, dim)
        self.item = embedding(data.num_items, dim)
        self.project = ContentProjection(data, dim)
        # Real and imaginary part of each of the d // 2 + 1 frequencies of a real signal.
        self.filter = nn.ParameterDict([(v, nn.Parameter(torch.randn(dim // 2 + 1, 2))) for v in views])
        self.gate = nn.ModuleDict({v: nn.Linear(dim, dim) for v in views})
        self.preference = nn.ModuleDict({v: nn.Linear(dim, dim) for v in views})
        self.attention = nn.ModuleDict(
            {m: nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, dim, bias=False)) for m in self.modalities}
        )
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        for view, graph in _item_graphs(data, config).items():
            setattr(self, f"item_graph_{view}", graph)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.smoothing = ItemGraphPropagation(config.item_layers)
        self.generator: torch.Generator | None = None

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Keeps the generator for the dropout of the epoch."""
        self.generator = generator

    def forward(self) -> Branches:
        """One branch per modality, ``"id"`` and ``"fused"``, each |U|×d and |I|×d."""
        views = {}
        for view, signal in self._signals().items():
            gated = self.item * self.gate[view](signal).sigmoid() * self._has(view)
            item = self.smoothing(gated, getattr(self, f"item_graph_{view}"))
            views[view] = self.graph @ item, item
        behaviour = self.propagation((self.user, self.item), self.graph)
        tables: list[dict[str, Tensor]] = []
        extra: dict[str, Tensor] = {}
        for side, name in enumerate(("user", "item")):
            own = {view: pair[side] for view, pair in views.items()}
            content = self._content(own, behaviour[side])
            extra[f"behaviour_{name}"], extra[f"content_{name}"] = behaviour[side], content
            tables.append(own | {"id": behaviour[side], FUSED: behaviour[side] + content})
        return Branches(tables[0], tables[1], self.modalities, extra=extra)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``contrast``: InfoNCE between behaviour and content vectors, users plus items."""
        terms = [
            infonce_loss(
                branches.extra[f"content_{side}"].index_select(0, ids),
                branches.extra[f"behaviour_{side}"].index_select(0, ids),
                self.config.temperature,
                both=False,
            )
            for side, ids in (("user", users.unique()), ("item", positives.unique()))
        ]
        return {"contrast": self.config.contrast * torch.stack(terms).sum()}

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]

    def _has(self, view: str) -> Tensor:
        masks = [self.project.has(m) for m in (self.modalities if view == FUSED else (view,))]
        return torch.cat(masks, dim=1).amax(dim=1, keepdim=True)

    def _signals(self) -> dict[str, Tensor]:
        spectra = {m: torch.fft.rfft(x, dim=1, norm="ortho") for m, x in self.project().items()}
        factors = [spectrum.where(self.project.has(m) > 0, 1.0) for m, spectrum in spectra.items()]
        spectra[FUSED] = reduce(torch.mul, factors)
        return {
            view: torch.fft.irfft(
                spectrum * torch.view_as_complex(self.filter[view]), n=self.config.dim, dim=1, norm="ortho"
            )
            for view, spectrum in spectra.items()
        }

    def _content(self, views: dict[str, Tensor], behaviour: Tensor) -> Tensor:
        weighed = {m: self.attention[m](views[FUSED]).softmax(dim=1) * views[m] for m in self.modalities}
        weighed[FUSED] = views[FUSED]
        rate = self.config.dropout if self.training else 0.0
        gated = [
            dropout(self.preference[view](behaviour).sigmoid(), rate, self.generator) * x for view, x in weighed.items()
        ]
        return torch.stack(gated).mean(dim=0)


def _item_graphs(data: MultimodalDataset, config: SMOREConfig) -> dict[str, SparseGraph]:
    graphs = {}
    for m, x in data.features.items():
        graph = knn_graph(x, config.k_by_modality.get(m, config.k), loop=True, missing=data.missing[m])
        graphs[m] = degree_normalize(graph.with_weight(graph.weight.clamp(min=0)))
    joint = reduce(lambda one, other: one.maximum(other), (graph.to_scipy() for graph in graphs.values()))
    return graphs | {FUSED: SparseGraph.from_scipy(joint)}
