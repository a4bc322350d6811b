"""The report: figures as files, and one self-contained page for people."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.record import VERSION
from brmrs_graph.diagnosis.report import readings, tables
from brmrs_graph.diagnosis.report.cases import Shelf, pair_cases, user_cases
from brmrs_graph.diagnosis.report.numbers import Json
from brmrs_graph.diagnosis.report.readings.wording import listing
from brmrs_graph.diagnosis.report.style import save
from brmrs_graph.diagnosis.report.topics import TOPICS, Topic
from brmrs_graph.errors import BRMRSError
from brmrs_graph.files import write_bytes
from brmrs_graph.texts import tidy


@dataclass(frozen=True)
class Section:
    """A topic as the page shows it.

    Args:
        topic: The topic.
        readings: Heading, which may be empty -> sentences.
        tables: Tables with at least one row.
        figure: The figure as a data URI; empty where there is none.
        alt: What stands for the figure where it cannot be seen.
    """

    topic: Topic
    readings: Mapping[str, list[str]]
    tables: list[tables.Table]
    figure: str
    alt: str


def write_report(diagnosis: Json, data: MultimodalDataset | None, folder: Path) -> Path:
    """Writes ``figures/NAME.png`` and ``.svg``, and ``report.html``, which needs nothing but itself.

    Args:
        diagnosis: The content of ``diagnosis.json``, see :func:`~brmrs_graph.diagnosis.diagnosis_record`.
        data: The data set, for texts and pictures of the case studies.
        folder: Where to write.

    Returns:
        The page.

    Raises:
        BRMRSError: If the diagnosis is of another version.
    """
    if diagnosis.get("version") != VERSION:
        raise BRMRSError(
            f"a diagnosis of version {VERSION} is needed, this one has {diagnosis.get('version', 'none')}; "
            "make it anew with python -m experiments.diagnose"
        )
    sections = [_section(topic, diagnosis, folder) for topic in TOPICS if not topic.optional or _has(diagnosis, topic)]
    headline, summary = readings.answer(diagnosis)
    shelf = Shelf(data)
    environment = Environment(
        loader=PackageLoader("brmrs_graph.diagnosis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": partial(tidy, keep="\u00a0"), "listing": listing}
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
    if topic.draws is not None and _has(diagnosis, topic):
        png, _ = save(topic.draws(diagnosis), folder / "figures" / topic.name)
        picture = f"data:image/png;base64,{base64.b64encode(png.read_bytes()).decode()}"
    models = listing([model["name"] for model in diagnosis["models"]])
    return Section(
        topic,
        topic.readings(diagnosis),
        _tables(topic.tabulates(diagnosis)),
        picture,
        f"Chart of {models}; its numbers are in the tables of this section.",
    )


def _tables(found: Sequence[tables.Table]) -> list[tables.Table]:
    return [table for table in found if table.rows]
