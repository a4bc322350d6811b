"""Part ``step``: a training step, whole and by stages, with this library's product and with others."""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import Any

from experiments.benchmark.context import Context
from experiments.benchmark.propagation_variants import with_product
from experiments.benchmark.stepping import BATCH, LARGE, LARGER
from experiments.benchmark.timing import staged

PRODUCTS = {"ours": "fused product", "coo autograd": "coo autograd", "gather-scatter": "gather-scatter"}
"""What a step is called here -> the product that it propagates with."""


def measure(context: Context) -> dict[str, Any]:
    """Times a step of the same model, parameters and batch by product, and the stages of ours."""
    stepper = context.stepper
    stages = staged(context.times(stepper.stages))
    products = {name: partial(stepper.step, with_product(stepper.model, product)) for name, product in PRODUCTS.items()}
    whole = context.compare(products | {LARGER: partial(stepper.step, size=LARGE)})
    return {
        "title": f"training step of {BATCH:,} pairs, brmrs / {context.settings.objective}",
        "comparisons": {"whole step": whole, "stages of ours": stages},
        "facts": {
            "batches in an epoch": ceil(context.data.train.nnz / BATCH),
            **stepper.epochs(whole["seconds"]),
        },
    }
