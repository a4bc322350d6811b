"""Diagnosis: where modalities complement each other and where fusing them hurts."""

from brmrs_graph.diagnosis.candidates import CandidateSets, candidate_sets
from brmrs_graph.diagnosis.cases import ItemPair, LostUser, item_pair_cases, lost_users
from brmrs_graph.diagnosis.complementarity import Complementarity, Failures, MatchedRates, complementarity
from brmrs_graph.diagnosis.degeneration import Degeneration, fusion_degeneration
from brmrs_graph.diagnosis.groups import (
    complementarity_by_degree,
    degeneration_by_degree,
    degree_groups,
    partition_by_degree,
)
from brmrs_graph.diagnosis.information import Information, information
from brmrs_graph.diagnosis.information_types import recall_by_type
from brmrs_graph.diagnosis.margins import HardMargins, MarginSample, hard_margins, margin_sample
from brmrs_graph.diagnosis.model import ModelDiagnosis, diagnose_model
from brmrs_graph.diagnosis.partition import Partition, hit_partition
from brmrs_graph.diagnosis.pid import PID, broja, pid
from brmrs_graph.diagnosis.record import Diagnosed, diagnosis_record
from brmrs_graph.diagnosis.utilisation import utilisation

__all__ = [
    "PID",
    "CandidateSets",
    "Complementarity",
    "Degeneration",
    "Diagnosed",
    "Failures",
    "HardMargins",
    "Information",
    "ItemPair",
    "LostUser",
    "MarginSample",
    "MatchedRates",
    "ModelDiagnosis",
    "Partition",
    "broja",
    "candidate_sets",
    "complementarity",
    "complementarity_by_degree",
    "degeneration_by_degree",
    "degree_groups",
    "diagnose_model",
    "diagnosis_record",
    "fusion_degeneration",
    "hard_margins",
    "hit_partition",
    "information",
    "item_pair_cases",
    "lost_users",
    "margin_sample",
    "partition_by_degree",
    "pid",
    "recall_by_type",
    "utilisation",
]
