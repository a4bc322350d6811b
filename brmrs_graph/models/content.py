"""Item features as the models see them: standardised, and projected to one width."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.features import standardize
from brmrs_graph.models.base import check_modality_names


class ContentProjection(nn.Module):
    r"""Maps the features of each modality to d dimensions, :math:`h_i^m = W_m x_i^m + b_m`.

    Features are standardised, see :func:`~brmrs_graph.data.features.standardize`, and no parameters. Items that lack a
    modality get a zero vector.

    Args:
        data: Where the features come from.
        dim: Width d.
        hidden: Width of a hidden layer with leaky ReLU (default: none).
        unit: Whether the standardised features of each item are scaled to length 1.

    Raises:
        ConfigError: If a modality has a name that no submodule can have.
    """

    def __init__(self, data: MultimodalDataset, dim: int, hidden: int = 0, unit: bool = False) -> None:
        super().__init__()
        check_modality_names(data.modalities)
        self.layers = nn.ModuleDict({m: _layers(x.size(1), dim, hidden) for m, x in data.features.items()})
        for m, x in data.features.items():
            x = standardize(x, data.missing[m])
            self.register_buffer(f"x_{m}", F.normalize(x, dim=1) if unit else x, persistent=False)
            self.register_buffer(f"has_{m}", (~data.missing[m]).unsqueeze(1).float(), persistent=False)

    def forward(self) -> dict[str, Tensor]:
        """Modality name -> item vectors, |I|×d, in the order of the data set's modalities."""
        return {m: layer(getattr(self, f"x_{m}")) * self.has(m) for m, layer in self.layers.items()}

    def has(self, modality: str) -> Tensor:
        """1 where an item has the modality and 0 where it lacks it, float, |I|×1."""
        mask: Tensor = getattr(self, f"has_{modality}")
        return mask


def _layers(features: int, dim: int, hidden: int) -> nn.Module:
    if not hidden:
        return nn.Linear(features, dim)
    return nn.Sequential(nn.Linear(features, hidden), nn.LeakyReLU(), nn.Linear(hidden, dim))
