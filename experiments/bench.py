"""Measure a training step and its parts, side by side: ``python -m experiments.bench --data-root DIR``."""

from __future__ import annotations

import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table

from brmrs_graph.data import MultimodalDataset, csr_from_pairs
from brmrs_graph.evaluation import rank
from brmrs_graph.files import write_bytes
from brmrs_graph.models import create_model
from brmrs_graph.serving import KeptData, TrainedModel
from brmrs_graph.training import Objective, objective_preset
from experiments import cli
from experiments.catalog import load
from experiments.propagation_variants import PRODUCTS, with_product

PUBLISHED_STEP = 2.19
"""Seconds of a step of MMRec's FREEDOM at this size on one core, measured on another machine (a Xeon, 2 cores)."""


@dataclass(frozen=True)
class BenchSettings:
    """Time a training step of the model brmrs at the size of Amazon Clothing, by stages and against alternatives.

    The interactions are the real ones where --data-root has them, else random ones of the same number. Features are
    random (4096-d visual, 384-d textual): speed does not depend on their values.
    """

    data_root: Path | None = None
    """Folder that holds clothing/."""
    objective: str = "default"
    """Objective of the step."""
    threads: int = 1
    """CPU threads."""
    repeats: int = 15
    """Rounds; each round times every alternative once."""
    out: Path | None = None
    """JSON file for the results (default: none)."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and measures."""
    bench(tyro.cli(BenchSettings, args=list(arguments), prog="python -m experiments.bench"))


def bench(settings: BenchSettings) -> dict[str, Any]:
    """Measures, prints tables and writes JSON.

    Returns:
        All figures, times in milliseconds as median and quartiles over the rounds.
    """
    torch.set_num_threads(settings.threads)
    data, source = _data(settings)
    start = time.perf_counter()
    data = data.rotated(512)
    rotation = time.perf_counter() - start
    start = time.perf_counter()
    model = create_model("brmrs", data)
    building = time.perf_counter() - start
    objective = Objective(objective_preset(settings.objective), data, model)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    generator = torch.Generator().manual_seed(0)
    batch = data.train_edges[:, torch.randperm(data.train.nnz, generator=generator)[:2048]]

    results: dict[str, Any] = {
        "interactions": source,
        "objective": settings.objective,
        "threads": settings.threads,
        "processor": _processor(),
        "torch": torch.__version__,
        "seconds_to_rotate_features": rotation,
        "seconds_to_build_graphs_and_model": building,
    }
    results["propagation_ms"] = _rounds(_propagations(data), settings.repeats)
    results["step_ms"] = _rounds(
        {
            name: _step(with_product(model, name), objective, optimizer, batch, generator)
            for name in ("fused product", "coo autograd", "gather-scatter")
        },
        settings.repeats,
    )
    results["stages_ms"] = _stages(model, objective, optimizer, batch, generator, settings.repeats)
    model.eval()
    with torch.no_grad():
        branches = model()
    start = time.perf_counter()
    rank(branches, data.train, data.valid)
    results["evaluation_seconds"] = time.perf_counter() - start
    kept = KeptData.of(data)
    start = time.perf_counter()
    TrainedModel(branches, kept).recommend(kept.user_ids, 20)
    results["users_recommended_to_per_second"] = data.num_users / (time.perf_counter() - start)
    results["peak_memory_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    step = results["step_ms"]["fused product"]["median"]
    results["ratios"] = {
        "propagation over two scipy products": results["propagation_ms"]["fused product"]["median"]
        / results["propagation_ms"]["two scipy products"]["median"],
        "coo step over ours": results["step_ms"]["coo autograd"]["median"] / step,
        "gather-scatter step over ours": results["step_ms"]["gather-scatter"]["median"] / step,
        "2.19 s (FREEDOM in MMRec, another machine) over ours": 1000 * PUBLISHED_STEP / step,
    }
    _print(results)
    if settings.out:
        write_bytes(settings.out, (json.dumps(results, indent=2) + "\n").encode())
    return results


def _data(settings: BenchSettings) -> tuple[MultimodalDataset, str]:
    rng = np.random.default_rng(0)
    if settings.data_root is not None:
        data, source = load("clothing", settings.data_root, features=False), "Amazon Clothing, real"
    else:
        users, items, pairs = 39_387, 23_033, 197_338
        keys = np.unique(rng.integers(0, users * items, pairs + 100))
        keys = rng.permutation(keys)[:pairs]
        train = csr_from_pairs(keys // items, keys % items, (users, items))
        data, source = MultimodalDataset("random", train, train, train), "random, of Clothing's size"
    features = {
        name: torch.from_numpy(rng.standard_normal((data.num_items, dim), dtype=np.float32))
        for name, dim in (("visual", 4096), ("textual", 384))
    }
    missing = {name: torch.zeros(data.num_items, dtype=torch.bool) for name in features}
    return replace(data, features=features, missing=missing), source


def _propagations(data: MultimodalDataset) -> dict[str, Callable[[], object]]:
    """One layer over the square adjacency, forward and backward, d = 64; scipy has no backward: two products."""
    x = torch.randn(data.num_users + data.num_items, 64)
    grad = torch.randn_like(x)
    x.requires_grad_()

    def both(product: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(product(x), x, grad)

    variants = {name: both(make(data)) for name, make in PRODUCTS.items()}
    adjacency = PRODUCTS["fused product"].adjacency(data).to_scipy()
    dense = x.detach().numpy()
    return variants | {"two scipy products": lambda: (adjacency @ dense, adjacency @ dense)}


def _step(
    model: Any, objective: Objective, optimizer: torch.optim.Optimizer, batch: torch.Tensor, generator: torch.Generator
) -> Callable[[], object]:
    def step() -> None:
        terms, _ = objective(model, batch[0], batch[1], 100, generator)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()

    return step


def _stages(
    model: Any,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    batch: torch.Tensor,
    generator: torch.Generator,
    repeats: int,
) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {}
    users, positives = batch
    for _ in range(repeats + 1):
        clock = [time.perf_counter()]

        def lap(name: str, clock: list[float] = clock) -> None:
            clock.append(time.perf_counter())
            times.setdefault(name, []).append(clock[-1] - clock[-2])

        branches = model()
        lap("forward: projection and propagation")
        negatives = objective.draw(branches, users, positives, 100, generator)
        lap("sampling")
        terms, _ = objective.terms(branches, users, positives, negatives)
        loss = torch.stack(list(terms.values())).sum()
        lap("losses")
        optimizer.zero_grad()
        loss.backward()
        lap("backward")
        optimizer.step()
        lap("optimiser")
    return {name: _quartiles(values[1:]) for name, values in times.items()}


def _rounds(variants: dict[str, Callable[[], object]], repeats: int) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(repeats + 1):  # the first round warms up
        for name, call in variants.items():
            start = time.perf_counter()
            call()
            if number:
                times[name].append(time.perf_counter() - start)
    return {name: _quartiles(values) for name, values in times.items()}


def _quartiles(seconds: list[float]) -> dict[str, float]:
    low, median, high = np.quantile(np.array(seconds) * 1000, [0.25, 0.5, 0.75])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _print(results: dict[str, Any]) -> None:
    console = Console()
    for key, title in (
        ("propagation_ms", "one layer, forward and backward, d = 64"),
        ("step_ms", f"training step of 2,048 pairs, brmrs / {results['objective']}"),
        ("stages_ms", "stages of that step"),
    ):
        table = Table(title=f"{title} (ms)", title_justify="left")
        for column in ("", "median", "quartiles"):
            table.add_column(column, justify="left" if not column else "right")
        for name, value in results[key].items():
            table.add_row(name, f"{value['median']:.1f}", f"{value['low']:.1f} - {value['high']:.1f}")
        console.print(table)
    for name, ratio in results["ratios"].items():
        console.print(f"{name}: {ratio:.2f}")
    console.print(
        f"evaluation {results['evaluation_seconds']:.1f} s, lists of 20 for "
        f"{results['users_recommended_to_per_second']:,.0f} users a second, features rotated in "
        f"{results['seconds_to_rotate_features']:.1f} s, graphs and model built in "
        f"{results['seconds_to_build_graphs_and_model']:.1f} s, peak memory {results['peak_memory_gib']:.2f} GiB"
    )
    console.print(f"{results['interactions']}; {results['threads']} thread(s), {results['processor']}")


if __name__ == "__main__":
    sys.exit(cli.main(command))
