import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from brmrs_graph.diagnosis import report
from brmrs_graph.diagnosis.record import NO_OTHER_SEED, NOT_ALONE
from experiments import diagnose, tables
from experiments.plan import folder_name
from experiments.run import run
from experiments.runfolder import RunFolder
from experiments.settings import parse

from .conftest import Refuse

COMMON = ("--dataset", "shop", "--model.dim", "4", "--model.k", "3", "--train.epochs", "2", "--threads", "1")
ARMS = {
    "bpr": ("--objective", "bpr"),
    "default": ("--objective", "default"),
    "visual": ("--objective", "bpr", "--model.modalities", "visual"),
    "textual": ("--objective", "bpr", "--model.modalities", "textual"),
    "lightgcn": (),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, shops: Path) -> Path:
    """Runs of four models, three seeds each of the first two, in folders as experiments.compare keeps them."""
    folder = tmp_path_factory.mktemp("runs")
    for name, options in ARMS.items():
        common = COMMON if name != "lightgcn" else (*COMMON[:2], "--model", "lightgcn", "--train.epochs", "1")
        for seed in (1, 2, 3) if name in ("bpr", "default") else (1,):
            out = folder / name / str(seed)
            arguments = [*common, *options, "--seed", str(seed), "--out", str(out), "--data-root", str(shops)]
            run(parse(arguments), quiet=True)
    return folder


@pytest.fixture(scope="module", autouse=True)
def few_neighbors() -> Iterator[None]:
    """The shop has fewer items than look-alikes are usually sought among."""
    whole = diagnose.candidate_sets
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnose, "candidate_sets", lambda data: whole(data, 6))
        yield


@pytest.fixture(scope="module")
def one(runs: Path, few_neighbors: None) -> tuple[Path, str]:
    """A run that was diagnosed alone, without a word of where to write, and what the command printed."""
    with redirect_stdout(io.StringIO()) as printed:
        diagnose.command(["--run", str(runs / "bpr" / "1")])
    return runs / "bpr" / "1", printed.getvalue()


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures and page take most of the time; other tests look at them."""
    monkeypatch.setattr(report, "write_report", lambda record, data, out: out / "report.html")


def diagnosed(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "diagnosis.json").read_text())
    return record


def test_one_run_is_diagnosed_and_what_takes_others_is_not_measured(one: tuple[Path, str]) -> None:
    run_folder, printed = one
    folder = run_folder / "diagnosis"
    record = diagnosed(folder)
    (model,) = record["models"]
    assert (model["name"], model["seeds"], record["dataset"]["name"]) == ("bpr", [1], "shop")
    assert model["partition"]["why_not"] == NO_OTHER_SEED
    assert model["degeneration"]["why_not"]["trained_alone"] == NOT_ALONE
    metrics = RunFolder(run_folder).read_metrics()
    assert metrics is not None
    assert model["recall"]["fused"]["value"] == pytest.approx(metrics["test"]["recall@20"])
    cells = {cell: share["value"] for cell, share in model["partition"]["cells"].items()}
    assert cells == pytest.approx(metrics["diagnosis"]["partition@20"])
    hurt = model["degeneration"]["in_model"]["all_users"]["value"]
    assert hurt == pytest.approx(metrics["diagnosis"]["degeneration@20"])
    assert record["command"] == f"python -m experiments.diagnose --run {run_folder}"
    page = (folder / "report.html").read_text()
    assert "<html" in page and "shop" in page
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".png", ".svg"}
    assert "not measured" in printed and str(folder / "report.html") in printed.replace("\n", "")
    assert "1 seed " in printed


def test_seeds_other_models_and_models_of_one_modality_are_told_apart(
    runs: Path, tmp_path: Path, no_page: None
) -> None:
    others = [str(runs / name) for name in ("bpr", "visual", "textual")]
    diagnose.command(["--run", str(runs / "default"), "--against", *others, "--out", str(tmp_path)])
    record = diagnosed(tmp_path)
    assert [(model["name"], model["seeds"]) for model in record["models"]] == [
        ("default", [1, 2, 3]),
        ("bpr", [1, 2, 3]),
    ]
    for model in record["models"]:
        assert model["degeneration"]["chance"] and model["degeneration"]["trained_alone"]
        assert model["alone"]["visual"]["value"] >= 0
    assert record["models"][0]["options"]["loss.chns"] == 1 and record["models"][1]["options"]["loss.chns"] == 0
    assert {difference["against"] for difference in record["differences"]} == {"bpr"}
    assert all(case["before"]["model"] == "bpr" for case in record["cases"]["pairs"])


def test_a_comparison_is_diagnosed_by_the_names_of_its_arms(runs: Path, tmp_path: Path, no_page: None) -> None:
    kept = tmp_path / "runs"
    arms = {}
    for name in ("bpr", "default"):
        options = (*COMMON, *ARMS[name])
        arms["plain" if name == "bpr" else "ours"] = {"options": " ".join(options), "seeds": [1, 2]}
        target = kept / "shop" / folder_name(options)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(runs / name)
    results = tmp_path / "objectives.json"
    content = {"dataset": "shop", "reference": "ours", "arms": arms}
    results.write_text(json.dumps(content))
    diagnose.command(["--comparison", str(results), "--runs", str(kept)])
    record = diagnosed(kept / "diagnosis-objectives")
    assert [(model["name"], model["seeds"]) for model in record["models"]] == [("ours", [1, 2]), ("plain", [1, 2])]
    numbers = tmp_path / "numbers.json"
    options = ["--arms", "plain", "--runs", str(kept), "--out", str(tmp_path), "--results", str(numbers)]
    diagnose.command(["--comparison", str(results), *options])
    record = diagnosed(tmp_path)
    assert [model["name"] for model in record["models"]] == ["plain"] and record["cases"]["users"]
    kept_numbers = json.loads(numbers.read_text())
    assert kept_numbers == record | {"cases": {"pairs": [], "users": []}}
    assert record["command"] == f"python -m experiments.diagnose --comparison {results} --arms plain"
    assert f"| R@20 fused | {record['models'][0]['recall']['fused']['value']:.4f} [" in tables.render(kept_numbers)


def test_runs_that_cannot_be_diagnosed_are_refused(
    runs: Path, tmp_path: Path, refuse: Refuse, other_shops: Path
) -> None:
    def message(*arguments: str) -> str:
        return refuse(diagnose.command, [*arguments, "--out", str(tmp_path / "out")])

    assert "either --run DIR or --comparison" in message()
    assert "either --run DIR or --comparison" in message("--run", str(runs), "--comparison", "x.json")
    assert "no finished run in" in message("--run", str(tmp_path))
    assert "no unimodal branches (lightgcn)" in message("--run", str(runs / "lightgcn"))
    assert "no unimodal branches (lightgcn)" in message("--run", str(runs / "bpr"), "--against", str(runs / "lightgcn"))
    assert "one modality alone" in message("--run", str(runs / "visual"), "--against", str(runs / "bpr"))
    assert "was trained on other data" in message("--run", str(runs / "bpr"), "--data-root", str(other_shops))
    assert not (tmp_path / "out").exists(), "nothing is half-written"


def test_the_same_run_gives_the_same_files(one: tuple[Path, str], tmp_path: Path) -> None:
    diagnose.command(["--run", str(one[0]), "--out", str(tmp_path)])
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (one[0] / "diagnosis", tmp_path)
    )
    assert first == second and len(first) > 5
