"""The whole diagnosis of a trained model, over one or several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import combinations

import numpy as np

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.candidates import CandidateSets
from brmrs_graph.diagnosis.complementarity import complementarity
from brmrs_graph.diagnosis.degeneration import Degeneration, fusion_degeneration
from brmrs_graph.diagnosis.groups import complementarity_by_degree, degeneration_by_degree, partition_by_degree
from brmrs_graph.diagnosis.information import Information, information
from brmrs_graph.diagnosis.information_types import recall_by_type
from brmrs_graph.diagnosis.margins import HardMargins, hard_margins, margin_sample
from brmrs_graph.diagnosis.partition import hit_partition
from brmrs_graph.diagnosis.utilisation import utilisation
from brmrs_graph.evaluation import Estimate, Measurement, Ranking, differences, estimates, rank, recall
from brmrs_graph.sampling import Direction

Rankings = Mapping[str, Ranking]


@dataclass(frozen=True)
class ModelDiagnosis:
    """What was measured of a model.

    Args:
        modalities: The unimodal branches, in order.
        measurements: Path such as ``"degeneration/in_model/all_users"`` -> measurement over all seeds. A path is
            absent where its measure was not possible (no second seed, no model of one modality trained alone, …).
        information: (first, second modality) -> decomposition of the margins of the two.
        margins: Seed by seed, direction -> margins of cross-modal hard negatives.
        rankings: Seed by seed, branch -> ranking of the test pairs.
    """

    modalities: tuple[str, ...]
    measurements: Mapping[str, Measurement]
    information: Mapping[tuple[str, str], Information]
    margins: Sequence[Mapping[Direction, HardMargins]]
    rankings: Sequence[Rankings]

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Path -> value with its interval."""
        return estimates(self.measurements)

    def differences(self, other: ModelDiagnosis) -> dict[str, Estimate]:
        """Path -> this model minus another one, paired over users, for all that was measured of both.

        Raises:
            ValueError: If the two were not evaluated on the same users.
        """
        return differences(self.measurements, other.measurements)


def diagnose_model(
    runs: Sequence[Branches],
    data: MultimodalDataset,
    sets: CandidateSets,
    *,
    alone: Mapping[str, Sequence[Branches]] | None = None,
    types: Sequence[str] | None = None,
    k: int = 20,
) -> ModelDiagnosis:
    """Measures all that this package measures, on the test pairs.

    Args:
        runs: The branches of the model, one run for every seed.
        data: The data that it was trained on.
        sets: The data's :func:`~brmrs_graph.diagnosis.candidate_sets`.
        alone: Modality -> runs of models of this modality alone; where there are fewer seeds, they serve in turn.
        types: The dominant kind of information of every test pair, in the order of ``data.test``, where it is known.
        k: Length of the rankings.

    Raises:
        ValueError: If there is no run, or the model has no unimodal branches.
        TrainingError: If embeddings are not finite.
    """
    if not runs or not (modalities := runs[0].modalities):
        raise ValueError("there is nothing to diagnose without a run that has unimodal branches")
    rankings = [_rank(run, data, k) for run in runs]
    single = {m: [_rank(run, data, k)[FUSED] for run in of] for m, of in (alone or {}).items()}
    by_seed = []
    for seed, (run, ranking) in enumerate(zip(runs, rankings, strict=True)):
        others = [other for number, other in enumerate(rankings) if number != seed]
        beside = {m: of[seed % len(of)] for m, of in single.items()}
        measured = dict(_of_rankings(ranking, modalities, others, beside, k))
        measured |= _of_degrees(ranking, modalities, run, data, sets, k)
        measured |= _of_complementarity(run, sets)
        if types is not None:
            measured |= {f"by_type/{name}": m for name, m in recall_by_type(ranking[FUSED], data, types, k).items()}
        by_seed.append(measured)
    samples = [margin_sample(run, data) for run in runs]
    for measured, sample in zip(by_seed, samples, strict=True):
        measured["utilisation"] = utilisation(sample)
    return ModelDiagnosis(
        modalities,
        {path: Measurement.over_seeds([measured[path] for measured in by_seed]) for path in by_seed[0]},
        {(a, b): information(samples, a, b) for a, b in combinations(modalities, 2)},
        [hard_margins(run, data, neighbors=sets.negatives) for run in runs],
        rankings,
    )


def _rank(run: Branches, data: MultimodalDataset, k: int) -> Rankings:
    return rank(run, data.train, data.test, k, run.names)


def _of_rankings(
    rankings: Rankings, modalities: Sequence[str], others: Sequence[Rankings], alone: Rankings, k: int
) -> Iterator[tuple[str, Measurement]]:
    for name, ranking in rankings.items():
        yield f"recall/{name}", _recall(ranking, k)
    for name, ranking in alone.items():
        yield f"alone/{name}", _recall(ranking, k)
    partition = hit_partition(rankings, modalities, k, other_seeds=others)
    yield from ((f"partition/cells/{cell}", share) for cell, share in partition.cells.items())
    for name in ("fusion_loss", "fusion_keeps", "synergy", "none"):
        yield f"partition/summary/{name}", getattr(partition, name)
    if partition.synergy_chance is not None and partition.beyond_chance is not None:
        yield "partition/synergy_chance", partition.synergy_chance
        yield "partition/synergy_beyond_chance", partition.beyond_chance
    fused, branches = rankings[FUSED], {m: rankings[m] for m in modalities}
    in_model = fusion_degeneration(fused, branches, k, other_seeds=[other[FUSED] for other in others])
    yield from _degeneration("in_model", in_model)
    if set(modalities) <= set(alone):
        yield from _degeneration("trained_alone", fusion_degeneration(fused, {m: alone[m] for m in modalities}, k))
    if in_model.chance and in_model.chance_where_found and in_model.excess and in_model.excess_where_found:
        yield "degeneration/chance/all_users", in_model.chance
        yield "degeneration/chance/users_with_hits", in_model.chance_where_found
        yield "degeneration/excess/all_users", in_model.excess
        yield "degeneration/excess/users_with_hits", in_model.excess_where_found


def _degeneration(against: str, measured: Degeneration) -> Iterator[tuple[str, Measurement]]:
    yield f"degeneration/{against}/all_users", measured.rate
    yield f"degeneration/{against}/users_with_hits", measured.rate_where_found
    yield f"degeneration/{against}/mean_loss", measured.loss
    yield f"degeneration/{against}/of_single", measured.of_single
    yield f"degeneration/{against}/beyond_single", measured.beyond_single


def _of_degrees(
    rankings: Rankings,
    modalities: Sequence[str],
    run: Branches,
    data: MultimodalDataset,
    sets: CandidateSets,
    k: int,
) -> dict[str, Measurement]:
    users = degeneration_by_degree(rankings[FUSED], {m: rankings[m] for m in modalities}, data, k)
    pairs = partition_by_degree(rankings, modalities, data, k)
    groups = {
        "by_user_degree/degeneration": users,
        "by_item_degree/fusion_loss": pairs.fusion_loss,
        "by_item_degree/synergy": pairs.synergy,
    }
    for direction, rates in complementarity_by_degree(run, sets).items():
        if rates.failure is not None:
            groups[f"by_item_degree/failure {arrow(direction)}"] = rates.failure
    return {f"{path}/{label}": rate for path, group in groups.items() for label, rate in group.items()}


def _of_complementarity(run: Branches, sets: CandidateSets) -> dict[str, Measurement]:
    measured: dict[str, Measurement] = {}
    for direction, rates in complementarity(run, sets).items():
        if rates.failure is None:
            continue
        for name, parts in (("content", rates.content), ("failure", rates.failure)):
            for field in fields(parts):
                measured[f"complementarity/{arrow(direction)}/{name}/{field.name}"] = getattr(parts, field.name)
    return measured


def arrow(direction: Direction) -> str:
    """A direction in writing: A is confused, B tells apart."""
    return f"{direction[0]}→{direction[1]}"


def _recall(ranking: Ranking, k: int) -> Measurement:
    return Measurement.ratio(recall(ranking, k), np.ones(ranking.users.numel()))
