"""What every registered model must pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from brmrs_graph.branches import FUSED
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import DataError
from brmrs_graph.evaluation import rank, recall, summarize
from brmrs_graph.models import Recommender, create_model, model_names
from brmrs_graph.training import Objective, ObjectiveConfig, TrainConfig, Trainer, objective_preset
from brmrs_graph.training.checkpoint import load_model, load_tensors, save_tensors

MODALITIES = {
    "none": (),
    "one": ("textual",),
    "two": ("visual", "textual"),
    "three": ("visual", "textual", "acoustic"),
}

pytestmark = pytest.mark.parametrize("name", model_names())


def train(
    name: str, data: MultimodalDataset, config: Any, loss: ObjectiveConfig | None = None, **options: Any
) -> tuple[Recommender, list[dict[str, Any]]]:
    """Trains a model and returns it with the records of its epochs."""
    model = create_model(name, data, config, seed=1)
    records: list[dict[str, Any]] = []
    objective = Objective(loss or objective_preset(model.default_objective), data, model)
    Trainer(model, objective, data, TrainConfig(**options), seed=2).fit(records.append)
    return model.eval(), records


def needs_content(name: str, data: MultimodalDataset, config: Any) -> bool:
    return bool(create_model(name, data, config).modalities)


def test_branches_have_one_row_per_user_and_item(name: str, toy: MultimodalDataset, small: Callable[..., Any]) -> None:
    branches = create_model(name, toy, small(name))()
    assert (branches.num_users, branches.num_items) == (toy.num_users, toy.num_items)
    assert branches.names[-1] == FUSED and set(branches.modalities) <= set(branches.names)
    for branch in branches.names:
        users, items = branches.users(branch), branches.items(branch)
        assert users.dtype == items.dtype == torch.float32
        assert users.shape == (toy.num_users, users.size(1)) and items.shape == (toy.num_items, users.size(1))


def test_scores_of_pairs_are_entries_of_the_full_score_matrix(
    name: str, toy: MultimodalDataset, small: Callable[..., Any]
) -> None:
    model = create_model(name, toy, small(name)).eval()
    users = torch.arange(toy.num_users)
    items = torch.randint(toy.num_items, (toy.num_users, 4), generator=torch.Generator().manual_seed(0))
    for branch in model().names:
        full = model().score_all(branch, users)
        torch.testing.assert_close(model().score(branch, users, items), full.gather(1, items))
        torch.testing.assert_close(model().score(branch, users, items[:, 0]), full.gather(1, items)[:, 0])


def test_gradients_reach_every_parameter(name: str, toy: MultimodalDataset, small: Callable[..., Any]) -> None:
    model = create_model(name, toy, small(name)).train()
    parameters = dict(model.named_parameters())
    if parameters:
        branches = model()
        scores = branches.score_all(FUSED, torch.arange(toy.num_users))
        total = (scores * torch.randn(scores.shape, generator=torch.Generator().manual_seed(0))).sum()
        users, positives = toy.train_edges
        for loss in model.losses(branches, users, positives, positives.flip(0)).values():
            total = total + loss
        total.backward()
    for parameter, x in parameters.items():
        assert x.grad is not None and bool(x.grad.any()), f"no gradient reaches {parameter}"


def test_the_checkerboard_is_learned(name: str, checkerboard: MultimodalDataset, small: Callable[..., Any]) -> None:
    model, _ = train(name, checkerboard, small(name), epochs=20, lr=0.05, batch_size=256)
    ranking = rank(model(), checkerboard.train, checkerboard.valid + checkerboard.test, k=10)[FUSED]
    found = float(recall(ranking, 10).mean())
    # With three neighbours, itemknn cannot tell an item of which the user knows none of the three.
    least = 0.95 if list(model.parameters()) else 0.9
    assert found < 0.5 if name == "mostpop" else found > least


def test_saved_and_loaded_parameters_give_identical_scores(
    name: str, toy: MultimodalDataset, small: Callable[..., Any], tmp_path: Path
) -> None:
    first, second = (create_model(name, toy, small(name), seed).eval() for seed in (0, 1))
    users = torch.arange(toy.num_users)
    expected = first().score_all(FUSED, users)
    assert not list(first.parameters()) or not torch.equal(second().score_all(FUSED, users), expected)
    save_tensors(tmp_path / "model.safetensors", first.state_dict())
    load_model(second, load_tensors(tmp_path / "model.safetensors")[0])
    assert torch.equal(second().score_all(FUSED, users), expected)


@pytest.mark.parametrize("kind", ["one", "two", "three"])
def test_any_number_of_modalities_trains(
    name: str, kind: str, make_data: Callable[..., MultimodalDataset], small: Callable[..., Any]
) -> None:
    data = make_data(MODALITIES[kind])
    model, records = train(name, data, small(name), epochs=2)
    assert model.modalities in ((), data.modalities)
    assert set(model().names) >= {*model.modalities, FUSED}
    assert all(model().is_finite(branch) for branch in model().names)
    assert not list(model.parameters()) or len(records) == 2


def test_without_modalities_content_models_name_one_that_runs(
    name: str, toy: MultimodalDataset, make_data: Callable[..., MultimodalDataset], small: Callable[..., Any]
) -> None:
    bare = make_data(MODALITIES["none"])
    if needs_content(name, toy, small(name)):
        with pytest.raises(DataError, match=f"'{name}' needs item features.*--model lightgcn"):
            create_model(name, bare, small(name))
    else:
        model, _ = train(name, bare, small(name), epochs=1)
        assert model().names == (FUSED,)


@pytest.mark.parametrize("missing", [0.3, 1.0])
def test_missing_modality_rows_and_isolated_nodes_give_no_nan(
    name: str, missing: float, make_data: Callable[..., MultimodalDataset], small: Callable[..., Any]
) -> None:
    data = make_data(missing=missing, isolated=True)
    model, records = train(name, data, small(name), epochs=2, lr=0.05)
    assert all(model().is_finite(branch) for branch in model().names)
    assert all(value == value for record in records for value in record["valid"].values())


def test_same_seed_same_parameters_and_metrics(name: str, toy: MultimodalDataset, small: Callable[..., Any]) -> None:
    (first, one), (second, other) = (train(name, toy, small(name), epochs=2, batch_size=32) for _ in range(2))
    for x, y in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(x, y)
    assert [(a["loss"], a["valid"]) for a in one] == [(b["loss"], b["valid"]) for b in other]
    results = [summarize(rank(model(), toy.train, toy.test)[FUSED]) for model in (first, second)]
    assert results[0] == results[1]


def test_other_seeds_give_other_parameters_and_the_global_random_state_stays(
    name: str, toy: MultimodalDataset, small: Callable[..., Any]
) -> None:
    before = torch.get_rng_state()
    first, second = (create_model(name, toy, small(name), seed) for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    for x, y in zip(first.parameters(), second.parameters(), strict=True):
        assert not torch.equal(x, y) or bool((x == x.flatten()[0]).all())  # biases and slopes start from a constant


def test_held_out_pairs_do_not_change_the_model(
    name: str, toy: MultimodalDataset, make_data: Callable[..., MultimodalDataset], small: Callable[..., Any]
) -> None:
    reversed_users = {split: toy.split(split)[::-1].tocsr() for split in ("valid", "test")}
    other = replace(toy, **reversed_users)
    assert (other.valid != toy.valid).nnz and other.content_hash != toy.content_hash
    (first, _), (second, _) = (train(name, data, small(name), epochs=1, batch_size=32) for data in (toy, other))
    for x, y in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(x, y)
