import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from brmrs_graph import load
from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.serving import TrainedModel, save
from brmrs_graph.sparse_branches import SparseBranches
from experiments import run as run_module
from experiments.export import ExportSettings, command, export
from experiments.exporting import FORMS
from experiments.exporting.lists import Lists
from experiments.settings import parse
from tests.conftest import toy_data

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

USERS = ["007", "7", "日本語", "a,b", 'say"so"', "x" * 3000, *(f"u{number}" for number in range(8))]
ITEMS = ["1e5", "NaN", "-0", "👗", *(f"i{number}" for number in range(14))]
ALL = ("lists", "embeddings", "word2vec", "projector", "scorer")


def saved(folder: Path, **changes: object) -> Path:
    data = replace(toy_data(), user_ids=USERS, item_ids=ITEMS, texts=["two\tfields\nand lines", *["text"] * 17])
    generator = torch.Generator().manual_seed(0)
    users, items = (
        {name: torch.randn(size, 3, generator=generator) for name in ("visual", "textual", FUSED)} for size in (14, 18)
    )
    save(folder, Branches(users, items, ("visual", "textual")), replace(data, **changes))
    return folder


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("exported") / "run")


@pytest.fixture(scope="module")
def out(run_dir: Path) -> Path:
    export(ExportSettings(run=run_dir, out=run_dir.parent / "deep" / "out", what=ALL, n=5))
    return run_dir.parent / "deep" / "out"


@pytest.fixture
def model(run_dir: Path) -> TrainedModel:
    return load(run_dir)


def test_every_file_is_there_and_nothing_else(out: Path) -> None:
    tables = [f"{branch}.{side}" for branch in ("visual", "textual", FUSED) for side in ("users", "items")]
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {
        *("lists.parquet", "lists.csv", "fused.scorer.pt2", "users.parquet", "items.parquet"),
        *(f"embeddings/{table}.parquet" for table in tables),
        *(f"word2vec/{table}.txt" for table in tables),
        *(f"projector/{table}.{part}.tsv" for table in tables for part in ("vectors", "metadata")),
    }
    assert [path.name for path in out.parent.iterdir()] == ["out"], "nothing half-written is left beside it"
    assert set(FORMS) == {*ALL, "faiss"}


def test_the_lists_are_what_recommend_answers(out: Path, model: TrainedModel) -> None:
    rows = pq.read_table(out / "lists.parquet").to_pylist()
    ids, scores = model.recommend(USERS, 5)
    assert [row["user_id"] for row in rows] == [user for user in USERS for _ in range(5)]
    assert [row["item_id"] for row in rows] == ids.reshape(-1).tolist()
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5] * len(USERS)
    assert np.array_equal(np.array([row["score"] for row in rows], dtype=np.float32), scores.reshape(-1))
    for branch in ("visual", "textual"):
        expected = model.score([row["user_id"] for row in rows], [row["item_id"] for row in rows], branch)
        assert np.array_equal(np.array([row[f"score_{branch}"] for row in rows], dtype=np.float32), expected)
    with (out / "lists.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["user_id"] for row in read] == [row["user_id"] for row in rows], "leading zeros and all"
    assert [row["item_id"] for row in read] == [row["item_id"] for row in rows]
    assert all(np.float32(a["score"]) == np.float32(b["score"]) for a, b in zip(read, rows, strict=True))


def test_lists_are_written_block_by_block_and_end_where_nothing_is_left(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: TrainedModel
) -> None:
    monkeypatch.setattr("experiments.exporting.lists._USERS", 4)
    export(ExportSettings(run=run_dir, out=tmp_path / "out", what=("lists",), n=18, branch="visual"))
    table = pq.read_table(tmp_path / "out" / "lists.parquet")
    assert table.column_names == ["user_id", "item_id", "rank", "score", "score_textual", "score_fused"]
    assert table.num_rows == 14 * 12, "12 of 18 items are left to each"
    first = table.to_pylist()[:12]
    assert [row["item_id"] for row in first] == model.recommend("007", 12, "visual")[0].tolist()


def test_vectors_come_back_in_every_bit(out: Path, model: TrainedModel) -> None:
    for branch, tables in model.branches.tables().items():
        for side, ids, x in zip(("users", "items"), (USERS, ITEMS), tables, strict=True):
            table = pq.read_table(out / "embeddings" / f"{branch}.{side}.parquet").to_pydict()
            assert table[f"{side[:-1]}_id"] == ids and torch.equal(torch.tensor(table["vector"]), x)
            lines = (out / "projector" / f"{branch}.{side}.vectors.tsv").read_text().splitlines()
            assert torch.equal(torch.tensor([[float(v) for v in line.split("\t")] for line in lines]), x)


def test_word2vec_files_have_one_id_and_its_numbers_a_line(out: Path, model: TrainedModel) -> None:
    head, *lines = (out / "word2vec" / "fused.users.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert head == "14 3" and [line.split(" ")[0] for line in lines] == USERS
    vectors = torch.tensor([[float(value) for value in line.split(" ")[1:]] for line in lines])
    assert torch.equal(vectors, model.branches.users())


def test_metadata_of_the_projector_have_a_header_only_over_two_columns(out: Path) -> None:
    users, items = (
        (out / "projector" / f"fused.{side}.metadata.tsv").read_text(encoding="utf-8").split("\n")[:-1]
        for side in ("users", "items")
    )
    assert users == USERS
    assert items[:2] == ["id\ttext", f"{ITEMS[0]}\ttwo fields and lines"] and len(items) == 1 + len(ITEMS)


def test_the_scorer_runs_alone_for_any_number_of_users(out: Path, model: TrainedModel) -> None:
    program = torch.export.load(out / "fused.scorer.pt2").module()
    for users in (torch.tensor([3]), torch.arange(14)):
        torch.testing.assert_close(program(users), model.branches.score_all(FUSED, users))
    assert pq.read_table(out / "users.parquet")["user_id"].to_pylist() == USERS


def test_the_index_finds_what_is_recommended(run_dir: Path, tmp_path: Path, model: TrainedModel) -> None:
    faiss = pytest.importorskip("faiss")
    export(ExportSettings(run=run_dir, out=tmp_path / "out", what=("faiss",)))
    index = faiss.read_index(str(tmp_path / "out" / "fused.items.faiss"))
    ids = pq.read_table(tmp_path / "out" / "items.parquet")["item_id"].to_pylist()
    _, found = index.search(model.branches.users().numpy(), 5)
    assert [[ids[item] for item in row] for row in found] == model.recommend(USERS, 5, filter_seen=False)[0].tolist()


def test_without_faiss_the_command_says_what_to_install(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Refuse
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    message = refuse(command, ["--run", str(run_dir), "--out", str(tmp_path / "out"), "--what", "lists", "faiss"])
    assert "pip install faiss-cpu" in message and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("what", "ids", "told"),
    [
        ("word2vec", {"item_ids": ["two words", *ITEMS[1:]]}, "1 item ids hold white space"),
        ("projector", {"user_ids": ["a\tb", "c\nd", *USERS[2:]]}, "2 user ids hold tabs or line breaks"),
    ],
)
def test_ids_that_a_format_cannot_hold_are_refused(
    tmp_path: Path, refuse: Refuse, what: str, ids: dict[str, list[str]], told: str
) -> None:
    saved(tmp_path / "run", **ids)
    message = refuse(command, ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--what", what])
    assert told in message and "--what embeddings" in message


def test_a_model_of_neighbors_gives_lists_alone(tmp_path: Path, refuse: Refuse) -> None:
    data = toy_data()
    neighbors = SparseGraph.from_edges(torch.arange(18), torch.arange(18).flip(0), (18, 18))
    save(tmp_path / "run", SparseBranches({FUSED: SparseGraph.from_scipy(data.train)}, {FUSED: neighbors}), data)
    arguments = ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    assert "--what lists" in refuse(command, arguments)
    command([*arguments, "--what", "lists"])
    assert pq.read_table(tmp_path / "out" / "lists.parquet").column_names == ["user_id", "item_id", "rank", "score"]


def test_a_folder_that_is_not_empty_is_left_alone(run_dir: Path, tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for taken in (tmp_path, tmp_path / "notes.txt"):
        assert "choose another --out" in refuse(command, ["--run", str(run_dir), "--out", str(taken)])
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_export_that_fails_or_is_stopped_leaves_nothing(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Lists, folder: Path) -> None:
        (folder / "lists.csv").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Lists, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        export(ExportSettings(run=run_dir, out=tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_bad_options_are_named(run_dir: Path, tmp_path: Path, refuse: Refuse) -> None:
    arguments = ["--run", str(run_dir), "--out", str(tmp_path / "out")]
    assert "no branch 'sound'" in refuse(command, [*arguments, "--branch", "sound"])
    assert "n is 0" in refuse(command, [*arguments, "--n", "0"])
    assert "names nothing" in refuse(command, [*arguments, "--what"])
    refuse(command, [*arguments, "--what", "pickle"])
    assert not (tmp_path / "out").exists()


def test_every_form_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command(["--help"])
    assert f"{{{','.join(FORMS)}}}" in capsys.readouterr().out


def test_a_branch_that_leads_out_of_the_folder_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    data, x = toy_data(), torch.ones(14, 2)
    y = torch.ones(18, 2)
    save(tmp_path / "run", Branches({"../../up": x, FUSED: x}, {"../../up": y, FUSED: y}), data)
    assert "../../up" in refuse(command, ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "out")])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_can_be_asked_and_one_made_before_ids_were_kept_is_completed_by_resume(
    shops: Path, tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--dataset", "shop", "--data-root", str(shops), "--out", str(tmp_path / "run"), "--model.dim", "4"]
    run_module.run(parse([*options, "--train.epochs", "1"]), quiet=True)
    exported = ["--run", str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--what", "lists"]
    expected = load(tmp_path / "run").recommend(["0", "17"], 3)[0].tolist()
    kept = {name: (tmp_path / "run" / name).read_bytes() for name in ("users.parquet", "items.parquet", "metrics.json")}
    for name in ("users.parquet", "items.parquet"):
        (tmp_path / "run" / name).unlink()
    assert "--resume" in refuse(command, exported)
    again = [*options, "--train.epochs", "1", "--resume"]
    with monkeypatch.context() as patch:
        patch.setattr("experiments.run.Trainer", None)  # nothing is trained
        run_module.run(parse(again), quiet=True)
    assert {name: (tmp_path / "run" / name).read_bytes() for name in kept} == kept
    command(exported)
    assert load(tmp_path / "run").recommend(["0", "17"], 3)[0].tolist() == expected

    (tmp_path / "run" / "users.parquet").unlink()
    other = tmp_path / "data" / "shop"
    other.mkdir(parents=True)
    for file in (shops / "shop").iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    np.save(other / "text_feat.npy", np.load(other / "text_feat.npy") + 1)
    moved = [str(tmp_path / "data") if word == str(shops) else word for word in again]
    assert "'shop' has changed" in refuse(run_module.command, moved)
