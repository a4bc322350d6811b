"""The page: template, style, scripts and data in one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.files import write_bytes
from brmrs_graph.inspection.explorer.payload import ExplorerConfig, Payload, explorer_payload
from brmrs_graph.texts import tidy

SCRIPTS = (
    "dom",
    "blocks",
    "folding",
    "items",
    "graphs",
    "users",
    "route",
    "list",
    "sources",
    "finder",
    "cards",
    "neighbours",
    "drawing_style",
    "drawing",
    "drawing_section",
    "item_view",
    "user_view",
    "keyboard",
    "main",
)
"""The scripts of the page, in the order in which they build on each other; see ``scripts/``."""
LIBRARY = "cytoscape-3.34.4"
"""What draws the graphs (MIT licence, whose text is kept beside it)."""


def write_explorer(
    data: MultimodalDataset,
    branches: Branches,
    path: Path,
    *,
    title: str,
    facts: Sequence[tuple[str, str]] = (),
    config: ExplorerConfig | None = None,
) -> Path:
    """Writes the page; it opens from the disk, and the same input gives the same bytes.

    Args:
        data: The data set.
        branches: Trained embeddings.
        path: The HTML file.
        title: What the page is about.
        facts: What else to say of the model, name and value.
        config: What goes in.

    Returns:
        The page.

    Raises:
        ConfigError: If there are too few items for so many neighbours, or the branches are of other items.
        TrainingError: If an embedding is not finite.
    """
    page = render_page(explorer_payload(data, branches, config), title, facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, page.encode())
    return path


def render_page(payload: Payload, title: str, facts: Sequence[tuple[str, str]] = ()) -> str:
    """The page as HTML.

    Args:
        payload: What it shows.
        title: What it is about.
        facts: What else to say of the model, name and value.
    """
    scripts = [_library(), _script()]
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("explorer.html.j2").render(
        title=tidy(title),
        facts=[(tidy(name), tidy(value)) for name, value in facts],
        meta=payload.meta,
        blocks=payload.blocks,
        scripts=[Markup(script) for script in scripts],
        script_hashes=[_hash(script) for script in scripts],
        library=LIBRARY,
    )


def _library() -> str:
    return (files(__package__) / "vendor" / f"{LIBRARY}.min.js").read_text(encoding="utf-8")


def _script() -> str:
    """The page's own scripts as one, whose names are nobody else's."""
    folder = files(__package__) / "scripts"
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def _hash(script: str) -> str:
    """What a content security policy calls a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
