from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from brmrs_graph.distributed import FirstRankError, ShardedObjective, check_sharded
from brmrs_graph.distributed.models import ShardedBRMRS
from brmrs_graph.errors import BRMRSError, ConfigError, DataError
from brmrs_graph.models import BRMRSConfig, model_names
from brmrs_graph.training import ObjectiveConfig
from experiments import run_on_ranks
from experiments.run import run
from experiments.runfolder import RunFolder
from experiments.settings import parse

NOTHING: Any = None  # refused before anything is looked at


def test_other_models_are_refused_and_the_message_says_which_work() -> None:
    refused = []
    for name in model_names():
        try:
            check_sharded(name)
        except ConfigError as error:
            assert "choose brmrs or lightgcn, or train without torchrun" in str(error)
            refused.append(name)
    assert refused == [name for name in model_names() if name not in ("brmrs", "lightgcn")]


@pytest.mark.parametrize("options", [{"alpha": 0.1}, {"user_layers": 1}])
def test_graphs_of_overlaps_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="co-purchase graphs; leave out"):
        ShardedBRMRS(NOTHING, BRMRSConfig(**options))


@pytest.mark.parametrize(
    "options", [{"chns_form": "graph"}, {"chns_form": "far"}, {"avoid_copurchased": True}, {"avoid_duplicates": True}]
)
def test_negatives_from_item_graphs_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="on several ranks CHNS draws from the pool alone"):
        ShardedObjective(ObjectiveConfig(chns=1.0, **options), NOTHING, NOTHING)


def test_one_process_does_not_go_on_with_a_run_of_ranks(tmp_path: Path) -> None:
    settings = parse(["--out", str(tmp_path)])
    RunFolder.of(settings).start(settings, "0123456789abcdef")
    (tmp_path / "checkpoint" / "epoch-1").mkdir(parents=True)
    with pytest.raises(ConfigError, match="was trained by several ranks; go on with it by `torchrun"):
        run(parse(["--out", str(tmp_path), "--resume"]))


@pytest.mark.parametrize(
    ("error", "printed"),
    [(DataError("user 9 has every item"), "rank 1: error: user 9 has every item\n"), (FirstRankError("rank 0"), "")],
)
def test_another_rank_than_the_first_prints_an_error_of_its_own(
    error: BRMRSError, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(run_on_ranks, "joined", lambda _: nullcontext(SimpleNamespace(rank=1)))
    monkeypatch.setattr(run_on_ranks, "_run", fail)
    with pytest.raises(SystemExit):
        run_on_ranks.run_on_ranks(parse(["--device", "cpu"]))
    assert capsys.readouterr().err == printed
