"""Part ``sampling``: the negatives of a batch, against a loop over its rows in Python."""

from __future__ import annotations

import random
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import torch

from brmrs_graph.branches import PairScores
from brmrs_graph.sampling import CrossModalSampler
from brmrs_graph.training import Objective, objective_preset
from experiments.benchmark import loop_samplers
from experiments.benchmark.context import Context
from experiments.benchmark.stepping import BATCH

POOL = 4
"""Candidates per pair."""


def measure(context: Context) -> dict[str, Any]:
    """Times uniform and cross-modal sampling of one batch, for all ordered pairs of modalities."""
    stepper, branches = context.stepper, context.branches
    users, positives = stepper.batches[BATCH]
    uniform = stepper.objective.uniform
    pool = uniform.draw(users, POOL, torch.Generator().manual_seed(0))
    graphs = Objective(objective_preset("chns-graph"), context.rotated, stepper.model).chns
    assert graphs is not None  # the model has two modalities
    samplers = {"pool": CrossModalSampler("pool", uniform.seen), "graph": graphs}
    generator = torch.Generator().manual_seed(0)

    # What a loop has at hand before it begins: lists, sets and arrays.
    rng = random.Random(0)
    user_list, positive_list, pool_list = users.tolist(), positives.tolist(), pool.tolist()
    first = [row[0] for row in pool_list]
    seen = loop_samplers.seen_sets(*context.data.train_edges.tolist())
    tables = {name: (branches.users(name).numpy(), branches.items(name).numpy()) for name in branches.modalities}
    lists = {
        direction: np.split(graph.indices.numpy(), graph.indptr[1:-1].numpy())
        for direction, graph in graphs.neighbors.items()
    }

    def ours(form: str) -> object:
        return samplers[form].draw(PairScores(branches, users, pool), positives, generator)

    def loop(form: str) -> object:
        drawn = {}
        for a, b in permutations(branches.modalities, 2):
            candidates = (
                pool_list
                if form == "pool"
                else loop_samplers.from_neighbors(user_list, positive_list, POOL, lists[a, b], seen, rng)
            )
            drawn[a, b] = loop_samplers.most_confused(user_list, candidates, *tables[a], first)
        return drawn

    return {
        "title": f"negatives of a batch of {BATCH:,} pairs, {POOL} candidates each",
        "comparisons": {
            "uniform": context.compare(
                {
                    "ours": lambda: uniform.draw(users, POOL, generator),
                    "loop in Python": lambda: loop_samplers.uniform(user_list, POOL, seen, uniform.num_items, rng),
                }
            ),
            **{
                f"CHNS, {form}": context.compare({"ours": partial(ours, form), "loop in Python": partial(loop, form)})
                for form in samplers
            },
        },
        "facts": {},
    }
