import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.distributed import (
    LostRankError,
    Ranks,
    ShardedObjective,
    ShardedTrainer,
    checkpoint,
    create_sharded_model,
    deal,
)
from brmrs_graph.distributed.checkpoint import kept_epoch
from brmrs_graph.distributed.volume import halo_volume
from brmrs_graph.errors import CheckpointError
from brmrs_graph.models import BRMRSConfig, LightGCNConfig, create_model
from brmrs_graph.training import Objective, TrainConfig, Trainer, objective_preset

OnRanks = Callable[..., list[Any]]
Records = list[dict[str, Any]]
SEED, BATCH = 5, 20


def options(**given: Any) -> BRMRSConfig:
    return BRMRSConfig(dim=6, k=3, **given)


# Model, options, objective, epochs of seven steps.
MAIN = "brmrs", options(edge_keep=0.6), "default", 3
CASES = {
    "brmrs": MAIN,
    "lightgcn": ("lightgcn", LightGCNConfig(dim=6), "bpr", 1),
    "mean": ("brmrs", options(fusion="mean"), "infonce", 1),
    "gate": ("brmrs", options(fusion="gate", item_layers=2, id_channel=True), "mixgcf", 1),
    "mlp": ("brmrs", options(fusion="mlp", num_layers=1), "ahns", 1),
}


def config(epochs: int) -> TrainConfig:
    return TrainConfig(epochs=epochs, batch_size=BATCH)


def plain(data: MultimodalDataset, name: str, model_options: Any, preset: str, epochs: int) -> Trainer:
    model = create_model(name, data, model_options, SEED)
    return Trainer(model, Objective(objective_preset(preset), data, model), data, config(epochs), seed=SEED)


def sharded(
    ranks: Ranks,
    data: MultimodalDataset,
    name: str,
    model_options: Any,
    preset: str,
    epochs: int,
    folder: Path | None = None,
) -> ShardedTrainer:
    shard = deal(data if ranks.rank == 0 else None, ranks)
    model = create_sharded_model(name, shard, model_options, SEED)
    objective = ShardedObjective(objective_preset(preset), shard, model)
    return ShardedTrainer(model, objective, shard, config(epochs), seed=SEED, folder=folder)


def trained(
    ranks: Ranks, data: MultimodalDataset, cases: Mapping[str, tuple[Any, ...]]
) -> dict[str, tuple[Records, dict[str, Tensor] | None]]:
    results = {}
    for name, case in cases.items():
        trainer = sharded(ranks, data, *case)
        records: Records = []
        trainer.fit(records.append)
        results[name] = records, trainer.parameters()
    return results


def close(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(torch.as_tensor(value), torch.as_tensor(second[name]), rtol=1e-4, atol=1e-6)


def same_training(records: Records, expected: Records) -> None:
    assert len(records) == len(expected) > 0
    for record, other in zip(records, expected, strict=True):
        close(record["loss"], other["loss"])
        close(record["valid"], other["valid"])


@pytest.fixture(scope="module")
def data(make_data: Callable[..., MultimodalDataset]) -> MultimodalDataset:
    return make_data(num_users=23, num_items=30, missing=0.2, isolated=True)


@pytest.fixture(scope="module")
def expected(data: MultimodalDataset) -> Callable[[str], tuple[Records, dict[str, Tensor]]]:
    """What one process gives for a case."""

    def train(case: str) -> tuple[Records, dict[str, Tensor]]:
        trainer = plain(data, *CASES[case])
        records: Records = []
        trainer.fit(records.append)
        return records, trainer.model.state_dict()

    return train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the main case is stopped by two ranks after one of its epochs."""
    return tmp_path_factory.mktemp("run") / "checkpoint"


@pytest.fixture(scope="module")
def two(on_ranks: OnRanks, data: MultimodalDataset, folder: Path) -> list[Any]:
    """What each of two ranks gives for every case."""
    return on_ranks(2, trained, data, CASES | {"stopped": (*MAIN[:-1], 1, folder)})


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_train_as_one_process(
    case: str, two: list[Any], expected: Callable[[str], tuple[Records, dict[str, Tensor]]]
) -> None:
    records, parameters = expected(case)
    for rank in two:
        same_training(rank[case][0], records)
    assert two[1][case][1] is None
    # A bias of all item vectors cancels out of every margin: its gradient is rounding, which Adam makes whole steps of.
    parameters.pop("fusion.item_mlp.2.bias", None)
    close({name: two[0][case][1][name] for name in parameters}, parameters)


def test_four_ranks_train_as_one_process(
    on_ranks: OnRanks, data: MultimodalDataset, expected: Callable[[str], tuple[Records, dict[str, Tensor]]]
) -> None:
    results = on_ranks(4, trained, data, {"brmrs": MAIN})
    records, parameters = expected("brmrs")
    for rank in results:
        same_training(rank["brmrs"][0], records)
    close(results[0]["brmrs"][1], parameters)


def one_step(ranks: Ranks, data: MultimodalDataset) -> tuple[dict[str, int], int]:
    trainer = sharded(ranks, data, *MAIN)
    ranks.sent.clear()
    batch = torch.arange(BATCH)
    terms, _ = trainer.objective(trainer.model, *trainer.pairs(batch), 99, torch.Generator())
    torch.stack(list(terms.values())).sum().backward()
    return dict(ranks.sent), halo_volume(trainer.model)


def test_a_step_sends_what_the_formulas_say(on_ranks: OnRanks, data: MultimodalDataset) -> None:
    results = on_ranks(3, one_step, data)
    assert all(sent["halo"] == halo > 0 for sent, halo in results)
    modalities, dim, pool, float_, id_ = 2, 6, 4, 4, 8
    # Rows of each branch and pair: user and pool for drawing; user, positive and four negatives (uniform, hard, and one
    # for each direction of CHNS) for the losses; the free user vector for weight decay.
    rows = (1 + pool) + (1 + 1 + 4) + 1
    projections = sum((x.size(1) + 1) * dim for x in data.features.values())
    tensors = {
        "batch": 2 * BATCH * id_,
        "negatives": BATCH * pool * id_,
        "gather": BATCH * modalities * rows * dim * float_,
        "gradients": projections * float_,
    }
    ring = 2 * (3 - 1) / 3  # what each of three ranks sends of a tensor that is summed
    for sent, _ in results:
        assert sent.keys() == {"halo", *tensors}
        assert all(sent[name] == pytest.approx(ring * size, abs=20) for name, size in tensors.items())


class FullDisk(HuggingFaceStorageWriter):
    def write_data(self, *_: Any) -> Any:
        raise OSError("no space left")


def resumed(ranks: Ranks, data: MultimodalDataset, other: MultimodalDataset, folder: Path) -> dict[str, Any]:
    trainer = sharded(ranks, data, *MAIN, folder)
    trainer.resume()
    start = trainer.progress.epoch
    records: Records = []
    trainer.fit(records.append)
    with pytest.raises(CheckpointError) as of_other_data:
        sharded(ranks, other, *MAIN, folder).resume()
    with pytest.raises(CheckpointError) as of_other_model:
        sharded(ranks, data, *CASES["lightgcn"], folder).resume()
    if ranks.rank == 0:
        shard = next(shutil.copytree(folder / "epoch-3", folder / "epoch-9").glob("shard-00002*"))
        shard.write_bytes(shard.read_bytes()[:-100])
    ranks.barrier()
    with pytest.raises(CheckpointError) as damaged:
        sharded(ranks, data, *MAIN, folder).resume()
    ranks.barrier()
    if ranks.rank == 0:
        shard.unlink()
    ranks.barrier()
    with pytest.raises(CheckpointError) as without_a_file:
        sharded(ranks, data, *MAIN, folder).resume()
    ranks.barrier()
    if ranks.rank == 0:
        shutil.rmtree(folder / "epoch-9")
    ranks.barrier()
    parameters = trainer.parameters()
    if ranks.rank == 1:
        vars(checkpoint)["HuggingFaceStorageWriter"] = FullDisk  # for good: this process ends here
    with pytest.raises(CheckpointError) as full:
        checkpoint.save_sharded(folder / "epoch-8", trainer.model.state_dict(), trainer.model, {})
    refusals = [str(error.value) for error in (of_other_data, of_other_model, damaged, full, without_a_file)]
    return {"start": start, "records": records, "parameters": parameters, "refusals": refusals}


def test_three_ranks_go_on_where_two_were_stopped(
    on_ranks: OnRanks,
    data: MultimodalDataset,
    make_data: Callable[..., MultimodalDataset],
    two: list[Any],
    folder: Path,
    expected: Callable[[str], tuple[Records, dict[str, Tensor]]],
) -> None:
    assert kept_epoch(folder) == 1
    (folder / ".epoch-2.part").mkdir()  # of a run that was killed while it wrote
    results = on_ranks(3, resumed, data, make_data(num_users=24, num_items=30), folder)
    records, parameters = expected("brmrs")
    for rank in results:
        assert rank["start"] == 1
        same_training(rank["records"], records[1:])
        assert "has 23 rows there, not 24" in rank["refusals"][0]
        assert "belongs to another model" in rank["refusals"][1]
        assert "epoch-8 cannot be written (rank 1: no space left)" in rank["refusals"][3]
        assert "epoch-9 is missing, damaged or no checkpoint" in rank["refusals"][2]
        assert "epoch-9 has 2 of the 3 safetensors files that were written; copy the whole" in rank["refusals"][4]
    close(results[0]["parameters"], parameters)
    best = max(range(3), key=lambda epoch: (records[epoch]["valid"]["recall@20"], -epoch)) + 1
    assert sorted(path.name for path in folder.glob("[be]*")) == sorted([f"best-{best}", "epoch-3"])
    assert json.loads((folder / "epoch-3" / "state.json").read_text())["epoch"] == 3
    assert not [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".safetensors", ".json")]


def left_alone(ranks: Ranks, data: MultimodalDataset, folder: Path) -> tuple[str, int]:
    def leave(record: dict[str, Any]) -> None:
        if ranks.rank == 1 and record["epoch"] == 2:
            os._exit(0)  # as if killed: nothing is said to the others

    with pytest.raises(LostRankError) as error:
        sharded(ranks, data, *MAIN, folder / "checkpoint").fit(leave)
    return str(error.value), kept_epoch(folder / "checkpoint")


def test_a_lost_rank_stops_the_others_and_keeps_the_last_epoch(
    data: MultimodalDataset, tmp_path: Path, on_ranks: OnRanks
) -> None:
    message, epoch = on_ranks(2, left_alone, data, tmp_path)[0]
    assert "rank 0 has lost another rank" in message and "--resume goes on, with any number of ranks" in message
    assert epoch == 1
