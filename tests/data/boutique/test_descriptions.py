import re

import numpy as np

from brmrs_graph.data.boutique import (
    PICTURE_ONLY,
    VOCABULARY,
    Boutique,
    wording,
)
from brmrs_graph.data.boutique.descriptions import write_description

COLOUR_AND_PATTERN_WORDS = (
    *VOCABULARY["colour"], *VOCABULARY["pattern"],
    "grey", "gray", "violet", "crimson", "scarlet", "navy", "beige", "cream", "ivory", "tan", "gold",
    "golden", "silver", "turquoise", "teal", "striped", "stripe", "checked", "check", "chequered",
    "gingham", "tartan", "dotted", "dot", "polka", "spotted", "floral", "flower", "flowery", "blossom",
    "blobs", "print", "printed", "colour", "coloured", "color", "pattern", "patterned", "hue", "shade",
)  # fmt: skip


def test_no_text_names_colour_or_pattern(full: Boutique) -> None:
    forbidden = re.compile(rf"\b({'|'.join(COLOUR_AND_PATTERN_WORDS)})\b", re.IGNORECASE)
    for description in full.descriptions:
        assert not forbidden.search(f"{description.title} {description.text}")


def test_the_text_tells_the_attributes_it_should(full: Boutique) -> None:
    for item, (description, fault) in enumerate(zip(full.descriptions, full.text_faults.fault, strict=True)):
        source = int(full.text_faults.source[item])
        if source < 0:
            assert (description.title == "") == (description.text == "") == (fault == "empty")
            continue
        values = full.attributes.of(source)
        text = description.text.lower()
        for name, words in (
            ("kind", wording.KINDS[values["kind"]]),
            ("cut", wording.cuts(values["kind"], values["cut"])),
            ("material", wording.MATERIALS[values["material"]]),
        ):
            assert any(word.lower() in text for word in words), (name, description)
        assert any(word.lower() in description.title.lower() for word in wording.KINDS[values["kind"]])
        assert not re.search(r"[{}]", description.title + description.text)


def test_fillers_say_nothing(full: Boutique) -> None:
    words = {word.lower() for table in (wording.KINDS, wording.MATERIALS) for of in table.values() for word in of}
    fillers = [d for d, fault in zip(full.descriptions, full.text_faults.fault, strict=True) if fault == "filler"]
    assert fillers
    for description in fillers:
        text = f"{description.title} {description.text}".lower()
        assert not any(re.search(rf"\b{re.escape(word)}\b", text) for word in words)


def test_the_text_depends_on_nothing_that_is_only_shown(small: Boutique) -> None:
    item = small.text_faults.fault.index("none")
    values = small.attributes.of(item)
    unseen = {**values, **dict.fromkeys(PICTURE_ONLY, "?")}
    for seed in range(20):
        assert write_description(values, np.random.default_rng(seed)) == write_description(
            unseen, np.random.default_rng(seed)
        )
