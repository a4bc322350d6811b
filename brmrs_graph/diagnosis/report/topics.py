"""The measures of the report: what each asks, how it reads, and which tables and figure belong to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from brmrs_graph.diagnosis.report import figures, readings, tables
from brmrs_graph.diagnosis.report.numbers import Json


@dataclass(frozen=True)
class Topic:
    """A measure and how it is presented.

    Args:
        name: Name of its section and of its figure's files.
        title: Heading.
        question: What it asks, in one or two sentences for people who have never heard of it.
        caption: What the figure shows.
        reads: Sentences from a diagnosis, under headings where there are several directions.
        tabulates: Tables from a diagnosis.
        draws: Figure from a diagnosis; None where there is none.
        part: The part of a model without which there is no figure; empty for one that there always is.
        optional: Whether the section is left out where no model has that part, and not shown as not measured.
    """

    name: str
    title: str
    question: str
    caption: str
    reads: Callable[[Json], list[str] | Mapping[str, list[str]]]
    tabulates: Callable[[Json], list[tables.Table]]
    draws: Callable[[Json], Figure] | None
    part: str = ""
    optional: bool = False

    def readings(self, diagnosis: Json) -> Mapping[str, list[str]]:
        """Heading -> sentences; the heading is empty where there is none."""
        lines = self.reads(diagnosis)
        return {"": lines} if isinstance(lines, list) else lines


TOPICS = (
    Topic(
        "recall",
        "How well do the rankings do?",
        "A user's held-out items are looked for among the first items of a ranking: of the one by the fused "
        "score, and of those by each modality's score alone.",
        "Recall by branch and model, with intervals; models of one modality trained alone beside them.",
        readings.recall,
        tables.recall,
        figures.recall,
    ),
    Topic(
        "partition",
        "Who finds the held-out pairs?",
        "Every held-out pair of a user and an item is found by some of the rankings and not by others. Pairs that"
        " a modality finds and the fused ranking does not are lost by fusing; pairs that only the fused ranking "
        "finds are synergy.",
        "Shares of held-out pairs that fusing loses, that it keeps, and that only the fused ranking finds, by model.",
        readings.partition,
        tables.partition,
        figures.partition,
    ),
    Topic(
        "degeneration",
        "How many users does fusing hurt?",
        "Fusion degeneration is the share of users for whom the best single modality ranks better (by NDCG) than "
        "the fused score. Taking the best of several rankings is an advantage by itself. Two rates beside it say how "
        "large: how often a single modality, in the place of the fused score, is below the best of all others, and "
        "how often the fused ranking is below the best of as many by the same model with other seeds (chance).",
        "Share of users whom fusing hurts, by model: against its own branches, against modalities trained alone, "
        "and beside them that of a single modality and of other seeds, with intervals.",
        readings.degeneration,
        tables.degeneration,
        figures.degeneration,
    ),
    Topic(
        "complementarity",
        "Is the other modality used where one is confused?",
        "Look-alikes are items close to the liked one in modality A and different from it in B. If the fused "
        "score ranks them above the liked item, what B knows was not used. Two controls, matched in the popularity "
        "of both items, give a scale: items far in both modalities (0), and items close in both (1). The failure "
        "proper counts only comparisons in which A is fooled and B is right; beside it is what the plain sum of "
        "the two scores would do.",
        "Where look-alikes lie between items far in both modalities and items close in both, and how often the "
        "fused score and the plain sum follow the modality that is fooled, by direction and model, with intervals.",
        readings.complementarity,
        tables.complementarity,
        figures.complementarity,
        "complementarity",
    ),
    Topic(
        "information",
        "What do the modalities tell, together and alone?",
        "How many bits do the modalities' scores hold about which of two items is the liked one, and how much of "
        "that is redundant (in both), unique (in one), or synergistic (only in both together)? This is the "
        "partial information decomposition by Bertschinger et al. (2014). It is about scores, not about content: "
        "of two scores that say about equally much, the weaker one has hardly any unique part, even where it "
        "comes from content of its own, and what it adds shows as synergy. Utilisation is the information in the "
        "fused score, as a share of that in the single scores together.",
        "Redundant, unique and synergistic information in bits, by model, with intervals, and utilisation.",
        readings.information,
        tables.information,
        figures.information,
        "information",
    ),
    Topic(
        "margins",
        "Are cross-modal hard negatives what they promise?",
        "Cross-modal hard negative sampling (CHNS) trains one modality on items that the other one confuses with "
        "the liked item. Its negatives should be hard in the confused modality (small margins) and separable in "
        "the other (margins as large as those over random items). Margins are in standard deviations of those "
        "over random items.",
        "Distributions of margins over cross-modal hard and over random negatives, in both modalities.",
        readings.margins,
        tables.margins,
        figures.margins,
        "margins",
    ),
    Topic(
        "degree",
        "Does it depend on how much is known?",
        "The same rates for users and items with few and with many training interactions.",
        "Rates by the number of training interactions of users and of items, one line a model.",
        readings.degree,
        tables.degree,
        figures.degree,
        "by_user_degree",
    ),
    Topic(
        "types",
        "Which kinds of information are used?",
        "On planted data it is known which kind of information decides a pair.",
        "Recall of the fused ranking by the kind of information that decides a test pair, by model.",
        readings.types,
        tables.types,
        figures.types,
        "by_type",
        optional=True,
    ),
    Topic(
        "differences",
        "How do the models differ?",
        "The first model minus each other one. A difference counts as clear where its 95 % interval, over the "
        "same users, does not contain zero; among many measures, one in twenty looks clear by chance.",
        "",
        readings.differences,
        tables.differences,
        None,
        optional=True,
    ),
)
"""In the order of the page."""
