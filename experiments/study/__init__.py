"""The empirical questions about the method, each as one command: ``python -m experiments.study NAME``.

A study is a file: it names the runs that answer its question (shared with ``experiments.compare``, kept, and never
repeated) and what is read from a finished run. The numbers, the table and the figure follow.
"""

from collections.abc import Mapping

from experiments.study.base import Study
from experiments.study.chns import CHNS
from experiments.study.corruption import CorruptionStudy
from experiments.study.information_types import InformationTypes
from experiments.study.sensitivity import Sensitivity
from experiments.study.signal_strength import SignalStrength
from experiments.study.synergy import Synergy

STUDIES: Mapping[str, type[Study]] = {
    study.name: study for study in (CorruptionStudy, InformationTypes, SignalStrength, CHNS, Synergy, Sensitivity)
}
"""Name -> study."""
