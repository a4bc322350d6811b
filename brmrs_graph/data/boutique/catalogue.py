"""The boutique: garments, their pictures and texts, and who chose what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brmrs_graph.data.boutique.attributes import PICTURE_ONLY, SHARED, Attributes, sample_attributes
from brmrs_graph.data.boutique.config import BoutiqueConfig
from brmrs_graph.data.boutique.descriptions import EMPTY, Description, write_description, write_filler
from brmrs_graph.data.boutique.faults import Faults, sample_faults
from brmrs_graph.data.boutique.pictures import render_blank, render_picture
from brmrs_graph.data.boutique.preferences import Tastes, choose, sample_tastes, true_utility, utility_terms
from brmrs_graph.data.splits import split_labels


@dataclass(frozen=True)
class Boutique:
    """A generated catalogue with its users.

    Attributes:
        config: The parameters that it was generated from.
        attributes: True attributes of the garments.
        descriptions: Title and text that each garment *carries*, faults included, length ``n_items``.
        text_faults: Which texts are wrong, and how.
        picture_faults: Which pictures are wrong, and how.
        tastes: True tastes of the users.
        users: User of each pair, shape ``(n_pairs,)``, sorted.
        items: Garment of each pair, shape ``(n_pairs,)``, sorted for each user.
        x_label: 0 training, 1 validation, 2 test, shape ``(n_pairs,)``.
    """

    config: BoutiqueConfig
    attributes: Attributes
    descriptions: tuple[Description, ...]
    text_faults: Faults
    picture_faults: Faults
    tastes: Tastes
    users: NDArray[np.int64]
    items: NDArray[np.int64]
    x_label: NDArray[np.int8]

    @property
    def n_items(self) -> int:
        """Garments."""
        return self.config.n_items

    def picture(self, item: int) -> Image.Image | None:
        """Render the picture that a garment carries, faults included; ``None`` where it has none.

        The same item always gives the same pixels.
        """
        source = int(self.picture_faults.source[item])
        if self.picture_faults.fault[item] == "missing":
            return None
        if self.picture_faults.fault[item] == "blank":
            return render_blank(self.config.stream("background", item))
        values = self.attributes.of(source)
        seen = {name: values[name] for name in (*SHARED, *PICTURE_ONLY)}
        return render_picture(**seen, rng=self.config.stream("picture", source))

    def utility(self) -> NDArray[np.float64]:
        """True utility without the noise of choice, shape ``(n_users, n_items)``: the best possible score."""
        return true_utility(self.config, self.tastes, self.attributes)

    def utility_terms(self) -> dict[str, NDArray[np.float64]]:
        """The unweighted terms of the utility, see :func:`.preferences.utility_terms`."""
        return utility_terms(self.tastes, self.attributes)


def generate_boutique(config: BoutiqueConfig | None = None) -> Boutique:
    """Generate the catalogue, its users and what they chose.

    The same configuration gives the same boutique. Pictures are rendered on demand by
    :meth:`Boutique.picture`.

    Args:
        config: The parameters; default :class:`BoutiqueConfig`.
    """
    config = config or BoutiqueConfig()
    attributes = sample_attributes(config.n_items, config.stream("attributes"))
    text_faults = sample_faults(config.n_items, config.text_shares, config.stream("text faults"))
    picture_faults = sample_faults(config.n_items, config.picture_shares, config.stream("picture faults"))

    tastes = sample_tastes(config, config.stream("tastes"))
    utility = true_utility(config, tastes, attributes)
    users, items = choose(config, utility, config.stream("choices"))
    return Boutique(
        config=config,
        attributes=attributes,
        descriptions=_describe(config, attributes, text_faults),
        text_faults=text_faults,
        picture_faults=picture_faults,
        tastes=tastes,
        users=users,
        items=items,
        x_label=split_labels(users, config.stream("split")),
    )


def _describe(config: BoutiqueConfig, attributes: Attributes, faults: Faults) -> tuple[Description, ...]:
    """The text that each garment carries."""
    own = [write_description(attributes.of(item), config.stream("text", item)) for item in range(config.n_items)]
    nobodys = {
        "empty": lambda item: EMPTY,
        "filler": lambda item: write_filler(config.stream("filler", item)),
    }
    return tuple(
        own[source] if source >= 0 else nobodys[fault](item)
        for item, (fault, source) in enumerate(zip(faults.fault, faults.source.tolist(), strict=True))
    )
