"""Part ``gpu``: a training step and an evaluation on a GPU, beside other precisions, compilation and other products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import deterministic

from brmrs_graph.branches import FUSED
from brmrs_graph.evaluation import rank
from experiments.benchmark.context import Context
from experiments.benchmark.evaluation import plain
from experiments.benchmark.propagation_variants import with_product
from experiments.benchmark.stepping import BATCH, LARGE, LARGER, Stepper
from experiments.benchmark.timing import staged
from experiments.device import find_device

Call = Callable[[], object]


def measure(context: Context) -> dict[str, Any]:
    """Times steps and evaluations, each until the GPU is done, and says how far other gradients are from ours."""
    with as_in_a_run() as device:
        return _measure(context, Stepper(context.rotated, context.settings.objective, device))


@contextmanager
def as_in_a_run() -> Iterator[torch.device]:
    """The GPU, with PyTorch set as ``experiments.run`` sets it, until the end of the block."""
    before = torch.are_deterministic_algorithms_enabled(), deterministic.fill_uninitialized_memory
    try:
        yield find_device("cuda")
    finally:
        torch.use_deterministic_algorithms(before[0])
        deterministic.fill_uninitialized_memory = before[1]


def _measure(context: Context, stepper: Stepper) -> dict[str, Any]:
    data = context.data
    gradients: dict[str, Call] = {
        "ours": stepper.gradients,
        "autocast to bfloat16": partial(in_bfloat16, stepper.gradients),
        "compiled model": partial(stepper.gradients, torch.compile(stepper.model)),
    }
    steps = {name: partial(with_update, stepper, call) for name, call in gradients.items()} | {
        LARGER: partial(stepper.step, size=LARGE),
        "new tensors filled first": partial(filled, stepper.step),
        "coo autograd": partial(stepper.step, with_product(stepper.model, "coo autograd")),
        "gather-scatter": partial(stepper.step, with_product(stepper.model, "gather-scatter")),
    }
    far = differences(stepper, gradients)
    whole = context.compare({name: partial(waited, call) for name, call in steps.items()})
    stages = staged(context.times(partial(waited_stages, stepper)))
    branches = stepper.branches()
    users = torch.from_numpy(np.flatnonzero(np.diff(data.valid.indptr)))
    rankings = {
        f"ranking, {label}": context.compare(
            {
                "ours": partial(waited, partial(rank, branches, data.train, data.valid, names=names)),
                "product, mask, topk": partial(waited, partial(plain, branches, data.train, users, names)),
            }
        )
        for label, names in (("fused branch", (FUSED,)), ("all branches", branches.names))
    }
    return {
        "title": f"training step of {BATCH:,} pairs, brmrs / {context.settings.objective}, and ranking, on a GPU",
        "gpu": torch.cuda.get_device_name(),
        "comparisons": {"whole step": whole, "stages of ours": stages} | rankings,
        "facts": {
            **stepper.epochs(whole["seconds"]),
            **{f"relative difference of the gradient, {name}": value for name, value in far.items()},
            "GiB of peak memory, rankings included": torch.cuda.max_memory_allocated() / 2**30,
        },
    }


def waited(call: Call) -> None:
    """Calls and waits until the GPU is done."""
    call()
    torch.cuda.synchronize()


def waited_stages(stepper: Stepper) -> Iterator[str]:
    """The stages of a step, each until the GPU is done."""
    for name in stepper.stages():
        torch.cuda.synchronize()
        yield name


def in_bfloat16(call: Call) -> None:
    """Calls with those operations in bfloat16 that PyTorch takes to be safe with it."""
    with torch.autocast("cuda", torch.bfloat16):
        call()


def filled(call: Call) -> None:
    """Calls with new memory filled before its use, as deterministic PyTorch does by itself."""
    deterministic.fill_uninitialized_memory = True
    try:
        call()
    finally:
        deterministic.fill_uninitialized_memory = False


def with_update(stepper: Stepper, gradients: Call) -> None:
    """A step with gradients computed in some way."""
    gradients()
    stepper.optimizer.step()


def differences(stepper: Stepper, gradients: dict[str, Call]) -> dict[str, float]:
    """Norm of the difference to our gradient of the same step, over the norm of ours, by name of the others."""
    found: dict[str, Tensor] = {}
    for name, call in gradients.items():
        stepper.generator.manual_seed(0)
        call()
        parts = [x.grad.flatten() for x in stepper.model.parameters() if x.grad is not None]
        found[name] = torch.cat(parts).double()
    ours = found.pop("ours")
    return {name: float((gradient - ours).norm() / ours.norm()) for name, gradient in found.items()}
