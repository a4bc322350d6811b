"""The data of the explorer's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.held_out import held_out_pairs
from brmrs_graph.errors import ConfigError
from brmrs_graph.inspection.explorer.blocks import Block, ids, lines, numbers
from brmrs_graph.inspection.explorer.edges import edge_blocks
from brmrs_graph.inspection.explorer.pictures import thumbnails
from brmrs_graph.inspection.explorer.places import held_out_places, hurt, rescued
from brmrs_graph.inspection.explorer.titles import title_and_rest
from brmrs_graph.inspection.explorer.users import some_users, user_blocks
from brmrs_graph.inspection.inconsistency import inconsistency
from brmrs_graph.inspection.item_graphs import ItemGraphs, item_graphs
from brmrs_graph.sampling import Closeness
from brmrs_graph.sparse_branches import SparseBranches
from brmrs_graph.texts import shortened, tidy


@dataclass(frozen=True)
class ExplorerConfig:
    """What goes into the page; together this bounds its size.

    Raises:
        ConfigError: If a number is out of range.
    """

    neighbors: int = 10
    """Neighbours of an item in every graph."""
    top: int = 20
    """Length of the rankings; a held-out item among so many counts as found."""
    cases: int = 200
    """Most pairs in each of the lists "rescued" and "hurt"."""
    users: int = 3000
    """Most users: those of the lists first, then others at even distances."""
    characters: int = 500
    """Most characters of an item's text."""
    picture_budget: int = 16_000_000
    """Most characters for pictures, which are made smaller until they fit; 0 for none."""

    def __post_init__(self) -> None:
        """Checks the numbers."""
        least = {"neighbors": 1, "top": 1, "cases": 0, "users": 0, "characters": 0, "picture_budget": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ConfigError(f"{name} is {getattr(self, name)}; choose {low} or more")
        if self.neighbors > 255:
            raise ConfigError(f"neighbors is {self.neighbors}; a page holds at most 255 per item")


@dataclass(frozen=True)
class Payload:
    """What the page shows.

    Args:
        meta: Names, counts and limits, as JSON takes them.
        blocks: Name -> everything that grows with the items or the users.
    """

    meta: Mapping[str, Any]
    blocks: Mapping[str, Block]


def explorer_payload(data: MultimodalDataset, branches: Branches, config: ExplorerConfig | None = None) -> Payload:
    """Collects what the page shows of a data set and a model of it; the same input gives the same payload.

    Args:
        data: The data set, its features being those whose neighbours are to be shown.
        branches: Trained embeddings.
        config: What goes in.

    Raises:
        ConfigError: If there are too few items for so many neighbours, or the branches are of other items.
        TrainingError: If an embedding is not finite.
    """
    config = config or ExplorerConfig()
    # A model that scores by neighbours has no item vectors, and so no learned graph.
    learned = None if isinstance(branches, SparseBranches) else branches
    graphs = item_graphs(data, learned, config.neighbors)
    blocks, items = _items(data, graphs, config)
    more, cases = _users(data, branches, config)
    closeness = {m: Closeness(graph, data.features[m], data.missing[m]) for m, graph in graphs.frozen.items()}
    for kind, of_kind in (("content", graphs.frozen), ("learned", graphs.learned)):
        for name, graph in of_kind.items():
            blocks |= edge_blocks(f"{kind}/{name}", graph, closeness)
    if len(closeness) > 1:
        blocks["items/inconsistency"] = numbers(_inconsistency(graphs, closeness).float().numpy())
    blocks |= more
    shown = [FUSED, *branches.names[:-1]]
    meta = {
        "dataset": tidy(data.name),
        "synthetic": data.synthetic,
        "counts": data.counts(),
        "hash": data.content_hash,
        "notes": [tidy(note) for note in data.notes],
        "k": config.neighbors,
        "top": min(config.top, data.num_items),
        "limits": {"cases": config.cases, "characters": config.characters},
        "content": list(graphs.frozen),
        "learned": [name for name in shown if name in graphs.learned],
        "branches": shown,
        "modalities": list(branches.modalities),
        "kinds": {name: block.kind for name, block in blocks.items()},
        **items,
        **cases,
    }
    return Payload(meta, blocks)


def _items(
    data: MultimodalDataset, graphs: ItemGraphs, config: ExplorerConfig
) -> tuple[dict[str, Block], dict[str, Any]]:
    """Ids, texts and pictures, and what is to be said of them."""
    parts = [title_and_rest(tidy(text)) for text in data.texts or [""] * data.num_items]
    popularity = np.asarray(data.train.sum(axis=0)).ravel().astype(np.int64)
    pictures = data.pictures if data.pictures and config.picture_budget else [None] * data.num_items
    thumbs = thumbnails(pictures, config.picture_budget, popularity)
    blocks = {
        "items/ids": lines([tidy(item) for item in graphs.item_ids]),
        "items/titles": lines([title for title, _ in parts]),
        "items/texts": lines([shortened(rest, config.characters) for _, rest in parts]),
        "items/popularity": numbers(popularity.astype(np.uint32)),
        "items/pictures": Block("text", thumbs.text),
        "items/picture-ends": numbers(thumbs.ends.astype(np.uint32)),
    }
    shown = int((np.diff(thumbs.ends, prepend=0) > 0).sum())
    about = {"shown": shown, "side": thumbs.side, "left_out": thumbs.left_out, "unreadable": thumbs.unreadable}
    return blocks, {"pictures": about}


def _inconsistency(graphs: ItemGraphs, closeness: Mapping[str, Closeness]) -> Tensor:
    """Score of every item, the mean over all two modalities that it has; NaN where it is not measured."""
    near = graphs.frozen
    scores = [inconsistency(near[a], near[b], closeness[a], closeness[b]).score for a, b in combinations(near, 2)]
    return torch.stack(scores).nanmean(dim=0)


def _users(
    data: MultimodalDataset, branches: Branches, config: ExplorerConfig
) -> tuple[dict[str, Block], dict[str, Any]]:
    """Users with test pairs, and the pairs on which the branches differ."""
    names, pairs = list(branches.names), held_out_pairs(data)
    places = held_out_places(branches, data, pairs, names)
    k = min(config.top, data.num_items)
    columns, fused = [names.index(name) for name in branches.modalities], names.index(FUSED)
    found = {"rescued": rescued, "hurt": hurt} if len(columns) > 1 else {}
    chosen = {name: find(places, columns, fused, k) for name, find in found.items()}
    listed = {name: at[: config.cases].numpy() for name, at in chosen.items()}
    of_lists = np.unique(pairs.row.numpy()[np.concatenate([np.zeros(0, dtype=np.int64), *listed.values()])])
    rows = some_users(of_lists, pairs.everyone.numel(), config.users)
    blocks = user_blocks(branches, data, pairs, places, rows, names, k)
    for name, at in listed.items():
        blocks[f"cases/{name}/users"] = ids(np.searchsorted(rows, pairs.row.numpy()[at]), rows.size)
        blocks[f"cases/{name}/items"] = ids(pairs.items.numpy()[at], data.num_items)
    return blocks, {
        "cases": {name: at.numel() for name, at in chosen.items()},
        "ranked": names,
        "shown_users": rows.size,
        "test_users": pairs.everyone.numel(),
    }
