"""The command ``python -m experiments.study NAME``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from brmrs_graph.errors import ConfigError
from experiments import cli
from experiments.study import STUDIES
from experiments.study.conduct import conduct

PROGRAM = "python -m experiments.study"


def command(arguments: Sequence[str]) -> None:
    """Finds the study, parses its options and does it."""
    overview = "\n".join(f"  {name}: {study.asks}" for name, study in STUDIES.items())
    name = arguments[0] if arguments else ""
    if name in ("-h", "--help"):
        print(f"usage: {PROGRAM} NAME [OPTIONS]\n\nstudies (NAME --help lists the options of one):\n{overview}")
        return
    if name not in STUDIES:
        told = f"'{name}' is no study" if name else "which study?"
        raise ConfigError(f"{told}; give one of {', '.join(STUDIES)} (--help says what they ask)")
    conduct(cli.read_options(STUDIES[name], arguments[1:], f"{PROGRAM} {name}"))


if __name__ == "__main__":
    sys.exit(cli.main(command))
