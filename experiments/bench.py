"""Measure the library beside other ways to do the same: ``python -m experiments.bench --data-root DIR``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import tyro
from rich.console import Console

from brmrs_graph.diagnosis.report.style import save
from brmrs_graph.errors import ConfigError
from brmrs_graph.files import write_bytes
from experiments import cli
from experiments.allocation import keep_freed_memory
from experiments.benchmark.chart import draw
from experiments.benchmark.context import Context
from experiments.benchmark.machine import machine
from experiments.benchmark.parts import PARTS, measure
from experiments.benchmark.settings import BenchSettings
from experiments.benchmark.tables import show

PROGRAM = "python -m experiments.bench"


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and measures."""
    keep_freed_memory()
    bench(tyro.cli(BenchSettings, args=list(arguments), prog=PROGRAM))


def bench(settings: BenchSettings) -> dict[str, dict[str, Any]]:
    """Measures, prints tables, and writes JSON and a figure after every part.

    Args:
        settings: The options.

    Returns:
        The figures of each part, with what they were measured on. Those of other parts that the file has stay.

    Raises:
        ConfigError: If the file is there and is none of the benchmark.
        DataError: If the data of part training are missing or wrong.
    """
    torch.set_num_threads(settings.threads)
    results = {} if settings.out is None else _read(settings.out)
    context, console = Context(settings), Console()
    where = {"command": _command(settings), **machine(), "threads": settings.threads, "clock": settings.clock}
    for part in PARTS:
        if part in settings.parts:
            results[part] = where | measure(part, context)
            show(results[part], console)
            if settings.out is not None:
                _write(settings.out, {name: results[name] for name in PARTS if name in results})
    return results


def _command(settings: BenchSettings) -> str:
    """The command that measures the same, wherever data and results lie."""
    words = shlex.split(PROGRAM)
    for option in fields(settings):
        value = getattr(settings, option.name)
        if option.name != "out" and value != option.default:
            words.append(f"--{option.name.replace('_', '-')}")
            words += value if isinstance(value, tuple) else ["DIR" if isinstance(value, Path) else str(value)]
    return shlex.join(words)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        parts: dict[str, dict[str, Any]] = json.loads(path.read_text())["parts"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} holds no figures of the benchmark ({error!r}); give another --out") from error
    return parts


def _write(path: Path, results: dict[str, dict[str, Any]]) -> None:
    write_bytes(path, (json.dumps({"parts": results}, indent=2) + "\n").encode())
    figure = draw(results)
    if figure is not None:
        save(figure, path.with_suffix(""))


if __name__ == "__main__":
    sys.exit(cli.main(command))
