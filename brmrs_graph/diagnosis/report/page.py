"""The report: figures as files, and one self-contained page for people."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.report import readings, tables
from brmrs_graph.diagnosis.report.cases import Shelf, pair_cases, printable, user_cases
from brmrs_graph.diagnosis.report.numbers import Json
from brmrs_graph.diagnosis.report.readings.wording import listing
from brmrs_graph.diagnosis.report.style import save
from brmrs_graph.diagnosis.report.topics import TOPICS, Topic
from brmrs_graph.files import write_bytes


@dataclass(frozen=True)
class Section:
    """A topic as the page shows it."""

    topic: Topic
    lines: list[str]
    tables: list[tables.Table]
    figure: str


def write_report(diagnosis: Json, data: MultimodalDataset | None, folder: Path) -> Path:
    """Writes ``figures/NAME.png`` and ``.svg``, and ``report.html``, which needs nothing but itself.

    Args:
        diagnosis: The content of ``diagnosis.json``, see :func:`~brmrs_graph.diagnosis.diagnosis_record`.
        data: The data set, for texts and pictures of the case studies.
        folder: Where to write.

    Returns:
        The page.
    """
    sections = [_section(topic, diagnosis, folder) for topic in TOPICS if _has(diagnosis, topic)]
    headline, summary = readings.answer(diagnosis)
    shelf = Shelf(data)
    environment = Environment(
        loader=PackageLoader("brmrs_graph.diagnosis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable, "listing": listing}
    page = environment.get_template("report.html.j2").render(
        diagnosis=diagnosis,
        headline=headline,
        summary=summary,
        sections=sections,
        pairs=pair_cases(diagnosis, shelf),
        users=user_cases(diagnosis, shelf),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.html"
    write_bytes(path, page.encode())
    return path


def _has(diagnosis: Json, topic: Topic) -> bool:
    if topic.name == "differences":
        return bool(diagnosis["differences"])
    return not topic.part or any(model.get(topic.part) for model in diagnosis["models"])


def _section(topic: Topic, diagnosis: Json, folder: Path) -> Section:
    picture = ""
    if topic.draws is not None:
        png, _ = save(topic.draws(diagnosis), folder / "figures" / topic.name)
        picture = f"data:image/png;base64,{base64.b64encode(png.read_bytes()).decode()}"
    return Section(topic, topic.reads(diagnosis), _tables(topic.tabulates(diagnosis)), picture)


def _tables(found: Sequence[tables.Table]) -> list[tables.Table]:
    return [table for table in found if table.rows]
