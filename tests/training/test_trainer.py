import io
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError, ConfigError, DataError, TrainingError
from brmrs_graph.models import BRMRSConfig, Recommender, create_model
from brmrs_graph.models.base import embedding
from brmrs_graph.training import PRESETS, Objective, ObjectiveConfig, Progress, TrainConfig, Trainer, objective_preset
from brmrs_graph.training.checkpoint import load_tensors

Record = dict[str, Any]


def trainer_of(
    data: MultimodalDataset,
    *,
    preset: str = "default",
    model_seed: int = 0,
    seed: int = 3,
    folder: Path | None = None,
    options: dict[str, Any] | None = None,
    **config: Any,
) -> Trainer:
    model = create_model("brmrs", data, BRMRSConfig(dim=6, k=3, **(options or {})), model_seed)
    objective = Objective(replace(objective_preset(preset), neighbors=6), data, model)
    return Trainer(model, objective, data, TrainConfig(**{"batch_size": 32} | config), seed=seed, folder=folder)


def parameters(trainer: Trainer) -> dict[str, Tensor]:
    return {name: x.detach().clone() for name, x in trainer.model.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(x, second[name]) for name, x in first.items())


def untimed(records: Sequence[Record]) -> list[Record]:
    return [{key: value for key, value in record.items() if not key.endswith("seconds")} for record in records]


def standing(progress: Progress) -> tuple[int, int, float]:
    return progress.epoch, progress.best_epoch, progress.best


class Scripted(Recommender):
    """Ranks the validation items of as many users first as the script says for the epoch; trains a dummy table."""

    def __init__(self, data: MultimodalDataset, script: Sequence[int]) -> None:
        super().__init__()
        self.user, self.item = embedding(data.num_users, 4), embedding(data.num_items, 4)
        self.valid = torch.from_numpy(data.valid.toarray())
        self.script, self.epoch = script, 0

    def begin_epoch(self, generator: torch.Generator) -> None:
        self.epoch += 1

    def forward(self) -> Branches:
        if self.training:
            return Branches({FUSED: self.user}, {FUSED: self.item})
        good = torch.arange(len(self.valid)) < self.script[self.epoch - 1]
        return Branches(
            {FUSED: torch.where(good[:, None], self.valid, -self.valid)}, {FUSED: torch.eye(self.valid.size(1))}
        )


@pytest.fixture(scope="module")
def wide(make_data: Callable[..., MultimodalDataset]) -> MultimodalDataset:
    """More items than a ranking shows."""
    return make_data(num_items=60)


def scripted(data: MultimodalDataset, script: Sequence[int], folder: Path | None = None, **config: Any) -> Trainer:
    model = Scripted(data, script)
    return Trainer(model, Objective(ObjectiveConfig(), data, model), data, TrainConfig(**config), folder=folder)


# Stopping and resuming


@pytest.mark.parametrize("stop", [2, 3, 6])
@pytest.mark.parametrize("preset", ["default", "chns-hybrid"])
def test_a_run_that_stopped_and_resumed_equals_one_that_did_not(
    stop: int, preset: str, toy: MultimodalDataset, tmp_path: Path
) -> None:
    settings: Record = {"preset": preset, "epochs": 6, "options": {"edge_keep": 0.6, "id_channel": True}}
    whole = trainer_of(toy, folder=tmp_path / "whole", **settings)
    expected: list[Record] = []
    whole.fit(expected.append)

    first = trainer_of(toy, folder=tmp_path / "cut", **settings)
    records: list[Record] = []

    def interrupt(record: Record) -> None:
        if record["epoch"] == stop:
            raise KeyboardInterrupt
        records.append(record)

    with pytest.raises(KeyboardInterrupt):
        first.fit(interrupt)
    assert first.progress.epoch == stop

    second = trainer_of(toy, folder=tmp_path / "cut", model_seed=99, **settings)
    second.resume()
    assert second.progress.epoch == stop - 1
    second.fit(records.append)
    assert untimed(records) == untimed(expected)
    assert standing(second.progress) == standing(whole.progress)
    assert same(parameters(second), parameters(whole))
    files = {path.name for path in (tmp_path / "whole").iterdir()}
    assert files == {"last.safetensors", f"best-{whole.progress.best_epoch}.safetensors"}
    for file in files:
        assert same(load_tensors(tmp_path / "whole" / file)[0], load_tensors(tmp_path / "cut" / file)[0])


def test_stopped_after_a_better_epoch_the_best_of_before_is_still_there(
    toy: MultimodalDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valid = {1: 0.2, 2: 0.1, 3: 0.5}
    monkeypatch.setattr(Trainer, "_validate", lambda self, _: {"recall@20": valid[self.progress.epoch]})

    def interrupt(record: Record) -> None:
        if record["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer_of(toy, folder=tmp_path, epochs=3).fit(interrupt)
    short, again = (trainer_of(toy, folder=folder, epochs=2) for folder in (None, tmp_path))
    short.fit()
    again.resume()
    again.fit()
    assert standing(again.progress) == standing(short.progress) == (2, 1, 0.2)
    assert same(parameters(again), parameters(short))
    assert not again.model.training and not short.model.training


def test_patience_counts_from_the_last_chance_of_a_shorter_run(toy: MultimodalDataset, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"eval_every": 5, "patience": 1, "lr": 0.0001, "folder": tmp_path}
    trainer_of(toy, epochs=3, **settings).fit()
    longer = trainer_of(toy, epochs=40, **settings)
    longer.resume()
    longer.progress.best = 2.0  # no evaluation will be better
    evaluated: list[int] = []
    longer.fit(lambda record: evaluated.append(record["epoch"]) if "valid" in record else None)
    assert longer.progress.epoch == 5 and evaluated == [5]


def test_resuming_a_finished_run_trains_nothing_and_restores_the_best(toy: MultimodalDataset, tmp_path: Path) -> None:
    done = trainer_of(toy, folder=tmp_path, epochs=4)
    done.fit()
    again = trainer_of(toy, folder=tmp_path, epochs=4, model_seed=99)
    again.resume()
    again.fit(lambda record: pytest.fail(f"trained {record}"))
    assert asdict(again.progress) == asdict(done.progress) and same(parameters(again), parameters(done))


def test_kept_in_memory_and_kept_in_a_folder_are_the_same(toy: MultimodalDataset, tmp_path: Path) -> None:
    memory, folder = trainer_of(toy, epochs=4), trainer_of(toy, epochs=4, folder=tmp_path)
    assert standing(memory.fit()) == standing(folder.fit())
    assert same(parameters(memory), parameters(folder))


def test_resume_needs_a_checkpoint_of_this_model(toy: MultimodalDataset, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no folder"):
        trainer_of(toy).resume()
    with pytest.raises(CheckpointError, match=r"last\.safetensors is missing"):
        trainer_of(toy, folder=tmp_path).resume()
    trainer_of(toy, folder=tmp_path, epochs=1).fit()
    with pytest.raises(CheckpointError, match="another model"):
        trainer_of(toy, folder=tmp_path, options={"id_channel": True}).resume()
    last = tmp_path / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match="truncated"):
        trainer_of(toy, folder=tmp_path).resume()


# Early stopping


@pytest.mark.parametrize("in_folder", [True, False])
def test_stops_by_patience_and_restores_the_best_parameters(
    in_folder: bool, wide: MultimodalDataset, tmp_path: Path
) -> None:
    script = [2, 1, 5, 5, 4, 3, 14, 14]  # an equal epoch is no better one
    trainer = scripted(wide, script, tmp_path if in_folder else None, patience=3, epochs=8)
    snapshots: list[dict[str, Tensor]] = []
    metrics: list[float] = []

    def watch(record: Record) -> None:
        snapshots.append(parameters(trainer))
        metrics.append(record["valid"]["recall@20"])

    progress = trainer.fit(watch)
    assert metrics == pytest.approx([good / wide.num_users for good in script[:6]])
    assert standing(progress) == (6, 3, pytest.approx(5 / wide.num_users))
    assert same(parameters(trainer), snapshots[2]) and not same(snapshots[5], snapshots[2])


def test_patience_counts_evaluations_and_a_short_run_is_evaluated_once(wide: MultimodalDataset) -> None:
    records: list[Record] = []
    progress = scripted(wide, [9, 3, 9, 2, 9, 1, 9, 0], eval_every=2, patience=2, epochs=8).fit(records.append)
    assert [record["epoch"] for record in records if "valid" in record] == [2, 4, 6]
    assert standing(progress) == (6, 2, pytest.approx(3 / wide.num_users))
    records.clear()
    progress = scripted(wide, [0, 0, 1, 0, 2], eval_every=3, epochs=5).fit(records.append)
    assert [record["epoch"] for record in records if "valid" in record] == [3]
    assert standing(progress) == (5, 3, pytest.approx(1 / wide.num_users))
    records.clear()
    progress = scripted(wide, [0, 2], eval_every=3, epochs=2).fit(records.append)
    assert [record["epoch"] for record in records if "valid" in record] == [2]
    assert standing(progress) == (2, 2, pytest.approx(2 / wide.num_users))


# The steps


def test_learning_rate_falls_by_its_factor_per_fifty_epochs(wide: MultimodalDataset) -> None:
    trainer = scripted(wide, [0] * 101, epochs=101, patience=200, lr=0.02, lr_decay=0.5)
    assert trainer.optimizer is not None
    rates: list[float] = []
    trainer.fit(lambda _: rates.append(trainer.optimizer.param_groups[0]["lr"]))
    assert (rates[0], rates[50], rates[100]) == pytest.approx((0.02, 0.01, 0.005))
    assert rates == pytest.approx([0.02 * 0.5 ** (epoch / 50) for epoch in range(101)])


def test_an_epoch_visits_every_training_pair_once_and_steps_with_adam(wide: MultimodalDataset) -> None:
    trainer = scripted(wide, [0], epochs=1, batch_size=25, lr=0.01)
    twin = Scripted(wide, [0])
    twin.load_state_dict(trainer.model.state_dict())
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.01)
    batches: list[tuple[Tensor, Tensor]] = []
    losses: list[tuple[float, int]] = []

    class Watched(Objective):
        def __call__(self, model: Any, users: Tensor, positives: Tensor, epoch: int, generator: Any = None) -> Any:
            assert model.training and epoch == 0
            batches.append((users, positives))
            state = generator.get_state()
            optimizer.zero_grad()
            loss = sum(super().__call__(twin, users, positives, epoch, generator)[0].values())
            loss.backward()
            optimizer.step()
            losses.append((float(loss.detach()), len(users)))
            generator.set_state(state)
            return super().__call__(model, users, positives, epoch, generator)

    trainer.objective = Watched(ObjectiveConfig(), wide, trainer.model)
    records: list[Record] = []
    trainer.fit(records.append)
    assert [len(users) for users, _ in batches] == [25, 25, 25, 9]
    visited = torch.cat([torch.stack(batch) for batch in batches], dim=1)
    assert sorted(map(tuple, visited.t().tolist())) == sorted(map(tuple, wide.train_edges.t().tolist()))
    assert not torch.equal(visited, wide.train_edges)
    for x, y in zip(trainer.model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-6)
    mean = sum(loss * size for loss, size in losses) / wide.train.nnz
    assert records[0]["loss"] == {"fused": pytest.approx(mean, rel=1e-5)}


def test_the_seed_alone_decides_and_the_global_random_state_stays(toy: MultimodalDataset) -> None:
    before = torch.get_rng_state()
    trainers = [trainer_of(toy, epochs=2, seed=seed) for seed in (3, 3, 4)]
    for trainer in trainers:
        trainer.fit()
        torch.rand(5)
        torch.set_rng_state(before)
    first, second, other = (parameters(trainer) for trainer in trainers)
    assert same(first, second) and not same(first, other)
    trainer_of(toy, epochs=1).fit()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "own"])
def test_held_out_pairs_change_nothing_in_training(preset: str, toy: MultimodalDataset) -> None:
    rng = np.random.default_rng(0)
    permuted = {split: sp.csr_matrix(rng.permuted(toy.split(split).toarray(), axis=1)) for split in ("valid", "test")}
    other = replace(toy, **permuted)
    assert (other.valid != toy.valid).nnz and (other.test != toy.test).nnz
    trainers = [trainer_of(data, preset=preset, epochs=1) for data in (toy, other)]
    for trainer in trainers:
        trainer.fit()
    assert same(parameters(trainers[0]), parameters(trainers[1]))


def test_the_loss_falls(toy: MultimodalDataset) -> None:
    records: list[Record] = []
    trainer_of(toy, preset="bpr", epochs=15, lr=0.05).fit(records.append)
    assert records[-1]["loss"]["fused"] < 0.5 * records[0]["loss"]["fused"]


# What goes wrong


class Failing(Objective):
    """One term becomes infinite or NaN in the second epoch."""

    value = float("nan")

    def __call__(self, model: Any, users: Tensor, positives: Tensor, epoch: int, generator: Any = None) -> Any:
        terms, logged = super().__call__(model, users, positives, epoch, generator)
        if epoch == 1:
            terms["branch"] = terms["branch"] * self.value
        return terms, logged


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_term_that_is_not_finite_is_named_and_the_epoch_before_is_kept(
    value: float, toy: MultimodalDataset, tmp_path: Path
) -> None:
    trainer = trainer_of(toy, folder=tmp_path, epochs=4)
    failing = Failing(objective_preset("default"), toy, trainer.model)
    failing.value = value
    trainer.objective = failing
    with pytest.raises(TrainingError, match=rf"'branch' became {value} in epoch 2"):
        trainer.fit()
    tensors, state = load_tensors(tmp_path / "last.safetensors")
    assert state["epoch"] == 1 and all(bool(x.isfinite().all()) for x in tensors.values())
    once = trainer_of(toy, epochs=1)
    once.fit()
    assert same({k.removeprefix("model."): x for k, x in tensors.items() if k.startswith("model.")}, parameters(once))


def test_a_parameter_that_is_not_a_number_stops_training(toy: MultimodalDataset) -> None:
    trainer = trainer_of(toy)
    with torch.no_grad():
        next(trainer.model.parameters())[0] = torch.nan
    with pytest.raises(TrainingError, match=r"became nan in epoch 1.*train\.lr"):
        trainer.fit()


@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_split_without_interactions_is_named(split: str, toy: MultimodalDataset) -> None:
    data = replace(toy, **{split: sp.csr_matrix(toy.train.shape, dtype=np.float32)})
    with pytest.raises(DataError, match=f"'toy' has no {split} interactions"):
        trainer_of(data, epochs=2).fit()


def test_a_model_without_parameters_needs_no_training(toy: MultimodalDataset, tmp_path: Path) -> None:
    model = create_model("mostpop", toy)
    trainer = Trainer(model, Objective(ObjectiveConfig(), toy, model), toy, folder=tmp_path)
    assert trainer.fit(lambda record: pytest.fail(f"trained {record}")) == Progress()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CheckpointError, match="nothing that is trained"):
        trainer.resume()


@pytest.mark.parametrize(
    ("field", "value"),
    [("epochs", 0), ("patience", 0), ("eval_every", -1), ("batch_size", 0), ("lr", 0.0), ("lr_decay", -1.0)],
)
def test_options_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"train\.{field}\b.*{value}"):
        TrainConfig(**{field: value})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_progress_bar_shows_on_request_and_on_a_terminal_alone(
    toy: MultimodalDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(stream: io.StringIO, show: bool) -> str:
        monkeypatch.setattr(sys, "stderr", stream)
        # It is drawn ten times a second at most.
        trainer_of(toy, epochs=2).fit(lambda _: time.sleep(0.15), show=show)
        return stream.getvalue()

    assert shown(Terminal(), False) == shown(io.StringIO(), True) == ""
    bar = shown(Terminal(), True)
    assert "2/2" in bar and "R@20" in bar and "fused" in bar
