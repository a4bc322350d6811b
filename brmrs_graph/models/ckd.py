"""CKD: a fused student that must not fall behind teachers of one modality each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches, PairScores
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.losses import bpr_loss
from brmrs_graph.models.base import Recommender
from brmrs_graph.models.brmrs import BRMRS, BRMRSConfig
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ConcatFusion


@dataclass(frozen=True)
class CKDConfig:
    """Options of :class:`CKD`."""

    dim: int = 64
    """Width d of each branch of student and teachers."""
    id_channel: bool = False
    """Adds a branch of free item vectors, to the student and to every teacher."""
    num_layers: int = 2
    """Layers of propagation over the user-item graph."""
    item_layers: int = 1
    """Layers of smoothing over the item graph; 0 switches it off."""
    k: int = 10
    """Nearest neighbours per item and modality in the item graph."""
    beta: Mapping[str, float] = field(default_factory=dict)
    """Weight of each modality in the student's item graph, as NAME WEIGHT NAME WEIGHT (default: that of brmrs)."""
    distill: float = 0.01
    """Weight λ of distillation."""
    generic: float = 5.0
    """Weight of the generic part (KL) within it."""
    temperature: float = 0.1
    """Temperature T of the generic part."""


@register_model("ckd", CKDConfig)
class CKD(Recommender):
    r"""Distils models trained on one modality alone into the branches of a model of all.

    From "Modality-Balanced Learning for Multimedia Recommendation" (Zhang et al., MM 2024), which does so on top of any
    backbone; here it is that of :class:`~brmrs_graph.models.BRMRS` with added scores, so that losses are compared on
    one propagation. Teacher m is the same backbone with the modality m alone, trained by BPR of its own. With the
    margins :math:`\Delta = s(u, i) - s(u, j)` of the teacher (T, constant) and of the student on m's path,
    :math:`\Delta_m = \Delta_{branch\ m} + \Delta_{id}`:

    .. math::
        L = \lambda \sum_m \frac{1}{B} \sum_{(u, i^+, i^-)} w_m \Bigl( \max(\Delta_m^T - \Delta_m, 0)
            + \gamma\, \mathrm{KL}\bigl(\sigma(\Delta_m^T / T)\,\|\,\sigma(\Delta_m / T)\bigr) \Bigr)

    The first part (specific) is on the training triples, the second (generic) a batch mean over as many pairs of
    uniformly drawn items. Counterfactual weights favour the weaker modality: what the fused margin loses without m,
    over m's own, is :math:`c_m = \mathrm{clip}(\Delta_{branch\ m} / \Delta_m, 10^{-8}, 10)`, and
    :math:`w_m = M c_m^{-1} / \sum_n c_n^{-1}` for each triple, constant. Without ID channel, scores simply add up:
    :math:`c_m = w_m = 1`.

    Branches: each modality, ``"id"`` if there is an ID channel, and ``"fused"``, all of the student; ranking needs no
    teacher.

    In the paper teachers are trained beforehand and then frozen; here they learn beside the student, in one loop, and
    what they teach is detached. Clipping and the default weights are those of the published code.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: CKDConfig) -> None:
        super().__init__()
        data.require_content("ckd")
        if not config.temperature > 0:
            raise ConfigError(f"temperature={config.temperature} must be above 0")
        self.config = config
        self.modalities = data.modalities
        self.num_items = data.num_items
        names = ("dim", "id_channel", "num_layers", "item_layers", "k")
        shared = {name: getattr(config, name) for name in names}
        self.student = BRMRS(data, BRMRSConfig(**shared, beta=config.beta))
        self.teachers = nn.ModuleDict({m: BRMRS(data, BRMRSConfig(**shared, modalities=(m,))) for m in self.modalities})
        self.generator: torch.Generator | None = None

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Keeps the generator for the pairs of the generic part."""
        self.generator = generator

    def forward(self) -> Branches:
        """The student's branches; in training with the teachers' fused vectors beside them."""
        branches: Branches = self.student()
        if self.training:
            for m, teacher in self.teachers.items():
                solo = teacher()
                branches.extra |= {f"user_{m}": solo.users(), f"item_{m}": solo.items()}
        return branches

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``teacher``, which trains the teachers alone, and ``distill``, which trains the student alone."""
        pairs = torch.randint(self.num_items, (users.numel(), 2), generator=self.generator).to(users.device)
        items = torch.cat([torch.stack([positives, negatives], dim=1), pairs], dim=1)
        student, teachers = PairScores(branches, users, items), PairScores(_teachers(branches), users, items)
        own = {m: _margins(student[m]) for m in self.modalities}
        free = _margins(student["id"]) if self.config.id_channel else torch.zeros_like(student[FUSED][:, :2])
        weights = _weights({m: margins[:, 0] for m, margins in own.items()}, free[:, 0])
        taught, distilled = [], []
        for m in self.modalities:
            teacher, path = _margins(teachers[m]), own[m] + free
            taught.append(bpr_loss(teacher[:, 0]))
            teacher = teacher.detach()
            specific = F.relu(teacher[:, 0] - path[:, 0])
            generic = _kl(teacher[:, 1] / self.config.temperature, path[:, 1] / self.config.temperature)
            distilled.append((weights[m] * (specific + self.config.generic * generic.mean())).mean())
        return {"teacher": torch.stack(taught).sum(), "distill": self.config.distill * torch.stack(distilled).sum()}

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free vectors of the batch, of the student and of the teachers."""
        models = (self.student, *self.teachers.values())
        return [rows for model in models for rows in model.batch_parameters(users, items)]  # type: ignore[operator]


def _teachers(branches: Branches) -> Branches:
    users, items = ({m: branches.extra[f"{side}_{m}"] for m in branches.modalities} for side in ("user", "item"))
    return Branches(users, items, branches.modalities, ConcatFusion())


def _margins(scores: Tensor) -> Tensor:
    # Columns: positive and negative, then two items drawn at random.
    return scores[:, 0::2] - scores[:, 1::2]


@torch.no_grad()
def _weights(own: Mapping[str, Tensor], free: Tensor) -> dict[str, Tensor]:
    # 0 / 0: both items lack the modality, and nothing depends on it.
    effect = {m: (margin / (margin + free)).nan_to_num(nan=1.0).clamp(1e-8, 10) for m, margin in own.items()}
    total = torch.stack([1 / c for c in effect.values()]).sum(dim=0)
    return {m: len(effect) / (c * total) for m, c in effect.items()}


def _kl(teacher: Tensor, student: Tensor) -> Tensor:
    target = teacher.sigmoid()
    cross, entropy = (F.binary_cross_entropy_with_logits(x, target, reduction="none") for x in (student, teacher))
    return cross - entropy
