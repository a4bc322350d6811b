"""How much each branch has to say in the fused score."""

from __future__ import annotations

import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.diagnosis import margin_sample
from experiments.study.finished import FinishedRun
from experiments.study.measures import NOT_MEASURED

NEGATIVES = 10


def branch_weights(run: FinishedRun) -> dict[str, float]:
    r"""The share of each branch in what moves the fused score.

    The fused margin of a test pair against a random negative is a sum of the branches' contributions,
    :math:`\Delta_f = \sum_m c_m`: with ``concat`` the branch's margin, :math:`c_m = \Delta_m`, with ``gate`` the
    margin times the user's weight. The weight of a branch is

    .. math:: \mathrm{std}(c_m) \Big/ \sum_{m'} \mathrm{std}(c_{m'})

    over all test pairs with 10 negatives each. A gate's softmax weights alone would not do: a branch whose scores are
    ten times as large outvotes the others at equal weights.

    Returns:
        Branch -> weight in [0, 1]; they sum to 1. Not measured where the fused score is no sum (``mlp``).
    """
    names = unfused(run.branches)
    if getattr(run.settings.options, "fusion", "") not in ("concat", "mean", "gate"):
        return dict.fromkeys(names, NOT_MEASURED)
    sample = margin_sample(contributions(run.branches), run.data, negatives=NEGATIVES)
    spread = {name: float(sample.margins[name].double().std(correction=0)) for name in names}
    total = sum(spread.values())
    return {name: x / total if total else NOT_MEASURED for name, x in spread.items()}


def contributions(branches: Branches) -> Branches:
    """The parts of the fused score as branches, whose scores add up to it.

    Every linear fusion concatenates the branches' vectors, scaled in some way, in the order of the branches; the dot
    product of concatenated vectors is the sum over their blocks.
    """
    names = unfused(branches)
    widths = [branches.items(name).size(1) for name in names]
    sides = (branches.users(FUSED).split(widths, dim=1), branches.items(FUSED).split(widths, dim=1))
    users, items = (dict(zip(names, blocks, strict=True)) | {FUSED: torch.cat(blocks, dim=1)} for blocks in sides)
    return Branches(users, items, names)


def unfused(branches: Branches) -> tuple[str, ...]:
    """The branches that are fused, in the order of the model: the modalities, then an ID branch."""
    # Tensors read from a file come in the order of their names.
    others = (name for name in branches.names if name not in (*branches.modalities, FUSED))
    return (*branches.modalities, *others)
