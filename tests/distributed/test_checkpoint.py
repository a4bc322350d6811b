from pathlib import Path
from types import SimpleNamespace

from brmrs_graph.distributed.checkpoint import delete_older


def test_only_the_newest_stay_also_of_a_run_that_was_finished_and_goes_on(tmp_path: Path) -> None:
    for name in ("epoch-1", "epoch-2", "best-1", "best-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").write_text("{}")
    for name in ("best-1.safetensors", "best-2.safetensors"):
        (tmp_path / name).touch()
    delete_older(tmp_path, {"epoch": 2, "best": 2}, SimpleNamespace(rank=1))
    assert len(list(tmp_path.iterdir())) == 6, "rank 0 deletes"
    delete_older(tmp_path, {"epoch": 2, "best": 2}, SimpleNamespace(rank=0))
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-2", "best-2", "best-2.safetensors"}
