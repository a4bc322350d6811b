"""All measures of the item graphs of one data set and model, and a table of its items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.inspection.agreement import Agreement, agreement
from brmrs_graph.inspection.inconsistency import Inconsistency, inconsistency
from brmrs_graph.inspection.item_graphs import ItemGraphs
from brmrs_graph.inspection.movement import Movement, movement, union
from brmrs_graph.inspection.structure import GraphStructure, graph_structure
from brmrs_graph.sampling import Closeness

Pair = tuple[str, str]


@dataclass(frozen=True)
class Overview:
    """What the item graphs look like, where they agree, and how training moved them.

    Args:
        graphs: The graphs measured.
        structures: Name of a graph, as in :meth:`ItemGraphs.named` -> its shape.
        agreements: Two names of graphs -> what they have in common; every two once, in order.
        inconsistencies: Two modalities -> how differently they see each item; every two once, in order.
        movements: Branch -> how its learned graph differs from all frozen ones together.
    """

    graphs: ItemGraphs
    structures: Mapping[str, GraphStructure]
    agreements: Mapping[Pair, Agreement]
    inconsistencies: Mapping[Pair, Inconsistency]
    movements: Mapping[str, Movement]

    def summary(self) -> str:
        """A few lines for people: one per graph, per two graphs, per two modalities and per branch."""
        lines = [f"{name}: {structure.summary()}" for name, structure in self.structures.items()]
        lines += [f"{a} and {b}: {found.summary()}" for (a, b), found in self.agreements.items()]
        lines += [f"{a} and {b}: {found.summary()}" for (a, b), found in self.inconsistencies.items()]
        lines += [f"{name} after training: {found.summary()}" for name, found in self.movements.items()]
        return "\n".join(lines)

    def items(self) -> pd.DataFrame:
        """One row per item by its original id; what is not measured of it is NaN."""
        columns: dict[str, object] = {"item_id": list(self.graphs.item_ids)}
        for name, structure in self.structures.items():
            columns |= {f"degree {name}": structure.degree.numpy(), f"in-degree {name}": structure.in_degree.numpy()}
        for (a, b), agreed in self.agreements.items():
            columns[f"overlap {a} {b}"] = agreed.overlap.numpy()
        for (a, b), seen in self.inconsistencies.items():
            columns[f"inconsistency {a} {b}"] = seen.score.numpy()
        for name, moved in self.movements.items():
            columns[f"kept {name}"] = moved.kept_share.numpy()
            columns[f"new {name}"] = moved.new_share.numpy()
        return pd.DataFrame(columns)


def overview(data: MultimodalDataset, graphs: ItemGraphs) -> Overview:
    """Measures everything about the item graphs of a data set.

    Args:
        data: The data set, for what is close in each modality.
        graphs: Its graphs, see :func:`~brmrs_graph.inspection.item_graphs`.
    """
    named = graphs.named()
    closeness = {m: Closeness(graph, data.features[m], data.missing[m]) for m, graph in graphs.frozen.items()}
    start = union(graphs.frozen.values()) if graphs.frozen else None
    return Overview(
        graphs=graphs,
        structures={name: graph_structure(graph) for name, graph in named.items()},
        agreements={(a, b): agreement(named[a], named[b]) for a, b in combinations(named, 2)},
        inconsistencies={
            (a, b): inconsistency(graphs.frozen[a], graphs.frozen[b], closeness[a], closeness[b])
            for a, b in combinations(graphs.frozen, 2)
        },
        movements={} if start is None else {b: movement(start, graph) for b, graph in graphs.learned.items()},
    )
