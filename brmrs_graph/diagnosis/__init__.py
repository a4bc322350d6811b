"""Diagnosis: where modalities complement each other and where fusing them hurts."""

from brmrs_graph.diagnosis.partition import degeneration_rate, hit_partition

__all__ = ["degeneration_rate", "hit_partition"]
