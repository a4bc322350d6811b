"""A look into the item graphs of a trained model: ``python -m examples.inspect_item_graph [FOLDER]``.

Where do pictures and texts agree on who is whose neighbour, which items do they see most differently, and how did
training move the neighbourhoods? With a folder, the graphs are written there for other tools.
"""

import sys
from pathlib import Path

import torch

from brmrs_graph.inspection import item_graphs, overview
from brmrs_graph.inspection.formats.edge_list import write_edges
from brmrs_graph.inspection.formats.networkx import write_graphml
from brmrs_graph.models import BRMRSConfig, create_model
from brmrs_graph.training import Objective, TrainConfig, Trainer, objective_preset
from experiments.catalog import load


def main(folder=None):
    """Trains for a moment, measures the graphs and prints what is found."""
    data = load("boutique").rotated(32)
    model = create_model("brmrs", data, BRMRSConfig(dim=16), seed=0)
    Trainer(model, Objective(objective_preset("default"), data, model), data, TrainConfig(epochs=4, lr=0.01)).fit()
    with torch.no_grad():
        graphs = item_graphs(data, model.eval()(), k=10, model=model)
    found = overview(data, graphs)

    print("graphs of the synthetic boutique:")
    for name, structure in found.structures.items():
        print(f"  {name}: {structure.summary()}")
    print("pictures and texts:")
    print(f"  {found.agreements['frozen_visual', 'frozen_textual'].summary()}")
    print(f"  {found.inconsistencies['visual', 'textual'].summary()}")
    print("after four epochs, beside both frozen graphs:")
    for branch, moved in found.movements.items():
        print(f"  {branch}: {moved.summary()}")

    print("the items that picture and text see most differently:")
    inconsistency = found.inconsistencies["visual", "textual"]
    for item in inconsistency.most(3).tolist():
        print(f"  {data.item_ids[item]} ({float(inconsistency.score[item]):.2f}): {data.texts[item][:80]}")
        for modality, graph in graphs.frozen.items():
            nearest = graph.take_rows(torch.tensor([item])).col[:2].tolist()
            print(f"    nearest by {modality}: {' | '.join(data.texts[j][:45] for j in nearest)}")

    if folder is not None:
        write_edges(folder / "item_graphs.parquet", graphs.named(), graphs.item_ids)
        write_graphml(folder / "item_graphs.graphml", graphs.frozen, graphs.item_ids)
        found.items().to_csv(folder / "items.csv", index=False)
        print(f"written to {folder}: " + ", ".join(sorted(path.name for path in folder.iterdir())))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
