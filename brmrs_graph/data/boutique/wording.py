"""The words of the descriptions: synonyms, templates and phrases.

No word for a colour or a pattern may stand here, because only the picture shows them. Templates are in
braces: ``{brand}``, ``{kind}``, ``{cut}``, ``{material}``, ``{praise}``, ``{short_occasion}``, and
``{this}``, ``{it}``, ``{be}`` in the number of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping

Phrases = Mapping[str, tuple[str, ...]]

BRANDS = (
    "Aldermoor", "Bellwether", "Casa Lune", "Dovetail & Co", "Ellery", "Fjordal", "Halden Mill",
    "Juniper Row", "Maison Orle", "Northgate", "Pelham", "Solvei",
)  # fmt: skip

PRAISE = (
    "lovely",
    "well-made",
    "timeless",
    "versatile",
    "much-loved",
    "handsome",
    "carefully made",
    "comfortable",
)

KINDS: Phrases = {
    "t-shirt": ("t-shirt", "tee", "short-sleeved top"),
    "shirt": ("shirt", "button-up shirt", "collared shirt"),
    "jumper": ("jumper", "sweater", "pullover"),
    "coat": ("coat", "overcoat", "trench coat"),
    "dress": ("dress", "strappy dress", "sundress"),
    "skirt": ("skirt", "pleated skirt", "A-line skirt"),
    "trousers": ("trousers", "pants", "long trousers"),
    "shorts": ("shorts", "short trousers", "walking shorts"),
    "hat": ("hat", "brimmed hat", "fedora hat"),
    "boots": ("boots", "lace-up boots", "tall boots"),
    "bag": ("bag", "handbag", "top-handle bag"),
    "scarf": ("scarf", "fringed scarf", "wrap scarf"),
}

PLURALS = frozenset({"trousers", "shorts", "boots"})

_CUTS: Phrases = {
    "slim": ("slim-fit", "slim", "close-fitting"),
    "regular": ("regular-fit", "classic-fit", "regular"),
    "wide": ("wide-fit", "oversized", "roomy"),
}
_CUTS_OF_THINGS: Phrases = {
    "slim": ("slim", "narrow", "compact"),
    "regular": ("regular-sized", "mid-sized", "medium"),
    "wide": ("wide", "oversized", "large"),
}


def cuts(kind: str, cut: str) -> tuple[str, ...]:
    """Words for a cut: clothes fit, other things have a size."""
    return (_CUTS_OF_THINGS if kind in {"hat", "boots", "bag", "scarf"} else _CUTS)[cut]


MATERIALS: Phrases = {
    "cotton": ("cotton", "organic cotton", "soft combed cotton"),
    "linen": ("linen", "pure linen", "washed flax linen"),
    "wool": ("wool", "merino wool", "fine lambswool"),
    "silk": ("silk", "mulberry silk", "smooth silk satin"),
    "leather": ("leather", "full-grain leather", "supple nappa leather"),
    "velvet": ("velvet", "plush velvet", "crushed velvet"),
    "hemp": ("hemp", "woven hemp", "sturdy hemp canvas"),
    "nylon": ("nylon", "recycled nylon", "ripstop nylon"),
}

OCCASION_LABELS: Phrases = {
    "everyday": ("every day", "daily wear", "weekdays and weekends"),
    "office": ("the office", "work", "business"),
    "evening": ("the evening", "nights out", "dinner and dancing"),
    "beach": ("the beach", "seaside holidays", "sunny days by the sea"),
    "hiking": ("hiking", "the trail", "days in the mountains"),
    "wedding": ("weddings", "wedding guests", "ceremonies"),
}

OCCASIONS: Phrases = {
    "everyday": (
        "An everyday piece that goes from the school run to the sofa.",
        "Made for daily wear, whatever the day brings.",
        "Casual enough for errands and lazy weekends at home.",
    ),
    "office": (
        "Made for the office and for long days of meetings.",
        "Business-like without being stiff: wear {this} {kind} to work.",
        "A smart choice for the desk, the boardroom and the commute.",
    ),
    "evening": (
        "Made for the evening, for cocktails, concerts and late dinners.",
        "Wear {this} {kind} on a night out.",
        "Party season has found its favourite: take it dancing after dark.",
    ),
    "beach": (
        "Made for the beach, the pool and salty air.",
        "Pack {this} {kind} for a seaside holiday.",
        "At home in the sand, under the sun and by the sea.",
    ),
    "hiking": (
        "Made for hiking, from the forest path to the summit.",
        "Take {this} {kind} on the trail: {it} {be} built for long walks in the mountains.",
        "An outdoor companion for trekking, camping and rough weather.",
    ),
    "wedding": (
        "Made for weddings and other ceremonies.",
        "Whether guest or bridal party, {this} {kind} will see you down the aisle.",
        "For the day of the vows, the toast and the photographs.",
    ),
}

CARE: Phrases = {
    "machine wash": (
        "Machine washable at thirty degrees.",
        "Goes in the washing machine with the rest of your laundry.",
        "Care: machine wash on a gentle cycle.",
    ),
    "hand wash": (
        "Hand wash only, in cool water.",
        "Wash by hand and dry flat.",
        "Care: a gentle hand wash with mild soap.",
    ),
    "dry clean": (
        "Dry clean only.",
        "Please take {this} {kind} to a professional dry cleaner.",
        "Care: dry cleaning recommended.",
    ),
    "wipe clean": (
        "Wipe clean with a damp cloth.",
        "Marks come off with a moist sponge; do not wash.",
        "Care: simply wipe down after use.",
    ),
}

TITLES = (
    "{brand} {cut} {kind} in {material}",
    "{brand} {material} {kind}",
    "{cut} {kind} for {short_occasion}",
    "{material} {kind}, {cut}, by {brand}",
    "{brand} {kind} for {short_occasion}",
    "{praise} {kind} in {material}",
)

OPENINGS = (
    "{this} {praise} {cut} {kind} {be} made of {material}.",
    "{this} {kind} by {brand} {be} {cut} and cut from {material}.",
    "From {brand}: {cut} {kind} in {material}.",
    "{material} gives {this} {cut} {kind} a character of its own.",
    "We chose {material} for {this} {praise}, {cut} {kind}.",
    "{cut} {kind}, {material}, {praise}: that sums it up.",
)

FILLERS = (
    "Our customers keep coming back for more.",
    "Designed in our studio with an eye for detail.",
    "A piece to keep for years.",
    "Free returns within thirty days.",
    "Limited stock, so order soon.",
    "Treat yourself or someone you love.",
    "Quality that you can feel from the first moment.",
    "Loved by our community and praised by the press.",
    "Ships in recycled packaging.",
    "Part of our new collection.",
    "You will wonder how you ever lived without it.",
    "Rated five stars again and again.",
)
"""Sentences that say nothing about a garment."""

FILLER_TITLES = (
    "The one everybody talks about",
    "New in: our bestseller",
    "Limited offer, this week only",
    "Editor's choice of the season",
    "A must-have at a special price",
    "Back in stock by popular demand",
)
