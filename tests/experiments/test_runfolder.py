import json
from pathlib import Path

import pytest
import torch
import yaml

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.errors import BusyError, CheckpointError, ConfigError
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sparse_branches import SparseBranches
from brmrs_graph.training.checkpoint import load_tensors
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings, from_yaml, parse, to_dict


def checked(settings: RunSettings) -> RunFolder:
    folder = RunFolder.of(settings)
    folder.check(settings)
    return folder


def start(*arguments: str, content_hash: str = "abc") -> RunFolder:
    settings = parse(arguments)
    folder = checked(settings)
    folder.start(settings, content_hash)
    return folder


def test_checking_makes_nothing_and_starting_makes_the_folder_with_its_configuration(tmp_path: Path) -> None:
    settings = parse(["--out", str(tmp_path / "deep" / "run"), "--seed", "3"])
    folder = checked(settings)
    assert not (tmp_path / "deep").exists()
    folder.start(settings, "abc")
    assert to_dict(from_yaml(folder.path / "config.yaml")) == to_dict(settings)
    assert yaml.safe_load((folder.path / "config.yaml").read_text())["content_hash"] == "abc"
    assert [path.name for path in folder.path.iterdir()] == ["config.yaml"], "nothing half-written is left"


def test_what_a_killed_process_left_half_written_goes_when_the_run_goes_on(tmp_path: Path) -> None:
    folder = start("--out", str(tmp_path))
    folder.checkpoints.mkdir()
    for half in (tmp_path / ".log.jsonl.0123.part", folder.checkpoints / ".last.safetensors.4567.part"):
        half.write_bytes(b"half")
    (folder.checkpoints / ".epoch-2.part").mkdir()  # several ranks write a folder, and remove it themselves
    start("--out", str(tmp_path), "--resume")
    assert [path.name for path in tmp_path.rglob(".*")] == [".epoch-2.part"]


def test_a_folder_that_is_held_is_refused_to_others_and_goes_again_if_nothing_was_put_into_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "a")
    with folder.held():
        with pytest.raises(BusyError, match=r"another process works in .*runs/a; run this again when it is done"):
            folder.held().__enter__()
        assert list(folder.path.iterdir()) == []
    assert not folder.path.exists()
    with folder.held():
        folder.log({"epoch": 1})
    with folder.held():
        assert [path.name for path in folder.path.iterdir()] == ["log.jsonl"]
    (tmp_path / "mine").mkdir()
    with RunFolder(tmp_path / "mine").held():
        pass
    assert (tmp_path / "mine").is_dir()


def test_runs_without_out_are_numbered_and_the_latest_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["boutique-brmrs-bpr-5", "boutique-brmrs-bpr-5-2", "boutique-brmrs-bpr-5-3"]
    for name in names:
        assert start("--objective", "bpr", "--seed", "5").path == Path("runs") / name
    resumed = checked(parse(["--objective", "bpr", "--seed", "5", "--resume"]))
    assert resumed.path == Path("runs") / names[-1]
    with pytest.raises(ConfigError, match=r"no run to resume: runs/boutique-brmrs-bpr-6/config.yaml is missing"):
        checked(parse(["--objective", "bpr", "--seed", "6", "--resume"]))


def test_an_out_that_holds_a_run_is_refused_and_any_other_folder_used(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    start("--out", str(tmp_path))
    with pytest.raises(ConfigError, match="holds a run already"):
        checked(parse(["--out", str(tmp_path)]))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_resumed_run_may_change_where_it_computes_and_how_long_but_nothing_else(tmp_path: Path) -> None:
    start("--out", str(tmp_path), "--train.epochs", "5")
    again = ["--out", str(tmp_path), "--resume"]
    allowed = ["--train.epochs", "9", "--device", "cpu", "--threads", "1", "--data-root", "x", "--tensorboard"]
    checked(parse([*again, *allowed]))
    with pytest.raises(ConfigError) as caught:
        checked(parse([*again, "--train.lr", "0.5", "--objective", "bpr", "--dataset", "shop"]))
    for part in ("train.lr (0.001 there, 0.5 now)", "objective (default there, bpr now)", "dataset (boutique there"):
        assert part in str(caught.value)
    assert "seed" not in str(caught.value)


def test_a_run_is_resumed_on_the_data_it_was_started_with(tmp_path: Path) -> None:
    start("--out", str(tmp_path), content_hash="abc")
    start("--out", str(tmp_path), "--resume", content_hash="abc")
    with pytest.raises(ConfigError, match=r"has changed since .* abc then, abd now"):
        start("--out", str(tmp_path), "--resume", content_hash="abd")


@pytest.mark.parametrize("content", ["a: [", "", "- a\n", "words"])
def test_a_damaged_configuration_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"config.yaml is damaged"):
        checked(parse(["--out", str(tmp_path), "--resume"]))


def test_the_log_is_cut_to_the_epochs_that_are_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.cut_log(3)
    assert not (tmp_path / "log.jsonl").exists()
    for epoch in (1, 2, 3):
        folder.log({"epoch": epoch})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"epoch": 4, "lo')
    folder.cut_log(2)
    folder.log({"epoch": 3})
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [1, 2, 3]


def test_a_run_is_finished_when_its_metrics_are_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.read_metrics() is None
    folder.write_metrics({"test": {"recall@20": 0.1 + 0.2}})
    assert folder.read_metrics() == {"test": {"recall@20": 0.1 + 0.2}}, "not rounded"


def test_embeddings_are_kept_by_branch_and_side(tmp_path: Path) -> None:
    users, items = torch.randn(3, 2), torch.randn(4, 2)
    RunFolder(tmp_path).write_embeddings(Branches({FUSED: users}, {FUSED: items}))
    tensors, state = load_tensors(tmp_path / "embeddings.safetensors")
    assert state == {"modalities": []}
    assert tensors.keys() == {"fused.users", "fused.items"}
    torch.testing.assert_close(tensors["fused.users"] @ tensors["fused.items"].T, users @ items.T)


def test_rankings_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"rankings.safetensors is missing"):
        RunFolder(tmp_path).read_ranking("test", "fused")


def test_settings_are_never_unpickled(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("!!python/object/apply:os.system ['touch exploded']\n")
    settings = RunSettings(out=tmp_path, resume=True)
    with pytest.raises(ConfigError):
        checked(settings)
    with pytest.raises(ConfigError):
        from_yaml(tmp_path / "config.yaml")


def test_branches_and_settings_are_read_back(tmp_path: Path) -> None:
    folder = start("--out", str(tmp_path), "--objective", "dns", "--seed", "8")
    tables = {
        name: (torch.randn(3, dim), torch.randn(4, dim)) for name, dim in (("b", 2), ("a", 2), ("id", 2), (FUSED, 6))
    }
    folder.write_embeddings(
        Branches({n: u for n, (u, _) in tables.items()}, {n: i for n, (_, i) in tables.items()}, ("b", "a"))
    )
    branches = folder.read_branches()
    assert branches.modalities == ("b", "a") and branches.names == ("b", "a", "id", FUSED)
    for name, (users, items) in tables.items():
        assert torch.equal(branches.users(name), users) and torch.equal(branches.items(name), items)
    assert to_dict(folder.read_settings()) == to_dict(
        parse(["--out", str(tmp_path), "--objective", "dns", "--seed", "8"])
    )
    with pytest.raises(CheckpointError, match="missing"):
        RunFolder(tmp_path / "elsewhere").read_branches()


def test_a_table_may_serve_several_branches(tmp_path: Path) -> None:
    users = torch.randn(3, 2)
    tables = {"visual": torch.randn(4, 2), FUSED: torch.randn(4, 2)}
    RunFolder(tmp_path).write_embeddings(Branches(dict.fromkeys(tables, users), tables, ("visual",)))
    branches = RunFolder(tmp_path).read_branches()
    assert torch.equal(branches.users("visual"), users) and torch.equal(branches.users(), users)


def test_sparse_branches_are_read_back_without_becoming_dense(tmp_path: Path) -> None:
    history = SparseGraph.from_edges(torch.tensor([0, 0, 2]), torch.tensor([3, 1, 0]), (3, 4))
    neighbors = {
        name: SparseGraph.from_edges(torch.tensor([0, 1, 3]), torch.tensor([1, 2, 3]), (5, 4), torch.rand(3))
        for name in ("visual", FUSED)
    }
    written = SparseBranches(dict.fromkeys(neighbors, history), neighbors, ("visual",))
    RunFolder(tmp_path).write_embeddings(written)
    branches = RunFolder(tmp_path).read_branches()
    assert isinstance(branches, SparseBranches) and branches.modalities == ("visual",)
    assert (branches.num_users, branches.num_items) == (3, 5)
    for name in neighbors:
        scores = written.score_all(name, torch.arange(3))
        assert scores.any() and torch.equal(branches.score_all(name, torch.arange(3)), scores)
    assert RunFolder(tmp_path).read_modalities() == ("visual",)
