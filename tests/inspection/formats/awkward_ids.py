"""Ids that a careless writer of files damages."""

AWKWARD_IDS = (
    "plain",
    "007",
    "1e5",
    "nan",
    "ключ-日本-é-🧥",
    "e\u0301",  # not the é above: its parts
    '<a href="x">&amp;\'</a> ]]>',
    "tab\tline\nreturn\rbell\x07null\x00",
    "100%",
    "%41",
    "  spaces around  ",
    'comma,semicolon;quote"',
    "\ufffe\uffff\x7f\x85\u2028",
    "x" * 70_000,
)
