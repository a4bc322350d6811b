"""What the benchmark ran on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from experiments.run_results import versions


def machine() -> dict[str, Any]:
    """Processor, cores, caches, memory and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        "versions": versions() | {name: _version(name) for name in ("faiss-cpu", "implicit")},
    }


def measured_on(part: Mapping[str, Any]) -> str:
    """On what a part was measured, in words.

    Args:
        part: Its figures, with the fields of :func:`machine`.
    """
    threads = part["threads"]
    what = f"{threads} thread{'s' if threads > 1 else ''} of {part['processor']}, {part['clock']} time"
    if "gpu" in part:
        what = f"{part['gpu']}, {what}"
    return f"{part['interactions']}, {what}" if "interactions" in part else what


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
