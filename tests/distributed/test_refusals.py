from pathlib import Path
from typing import Any

import pytest

from brmrs_graph.distributed import ShardedObjective, check_sharded
from brmrs_graph.distributed.models import ShardedBRMRS
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import BRMRSConfig, model_names
from brmrs_graph.training import ObjectiveConfig
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
