import json
from pathlib import Path

import pytest
import torch

from brmrs_graph.errors import ConfigError
from experiments import bench, cli
from experiments.bench import BenchSettings
from experiments.benchmark import context, propagation, recommend, sizes
from experiments.benchmark.settings import QUICK
from experiments.benchmark.sizes import Size


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sizes.SIZES, "clothing", Size("clothing", 200, 80, 900))
    monkeypatch.setattr(context, "DIMS", {"visual": 16, "textual": 8})
    monkeypatch.setattr(propagation, "ELEMENTS", 1000)


@pytest.fixture(autouse=True)
def same_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_every_part_is_measured_and_written(small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "bench.json"
    results = bench.bench(BenchSettings(repeats=1, budget=0, out=out))
    assert json.loads(out.read_text()) == {"parts": results}
    assert tuple(results) == QUICK
    assert {path.name for path in tmp_path.iterdir()} == {"bench.json", "bench.png", "bench.svg"}
    printed = " ".join(capsys.readouterr().out.split())
    for part in results.values():
        assert part["command"] == "python -m experiments.bench --repeats 1 --budget 0"
        assert part["data"]["train"] == 900
        assert part["title"] in printed
        for comparison in part["comparisons"].values():
            there = {name for name, seconds in comparison["seconds"].items() if not isinstance(seconds, str)}
            assert set(comparison["ratios"]) == (there - {"ours"} if comparison["reference"] else set())


def test_figures_fit_together_and_other_parts_stay(small: None, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    out.write_text(json.dumps({"parts": {"training": {"rows": {}}}}))
    settings = BenchSettings(parts=("propagation", "step"), repeats=1, budget=0, out=out)
    results = bench.bench(settings)
    assert list(json.loads(out.read_text())["parts"]) == ["step", "propagation", "training"]
    assert results["step"]["command"].startswith("python -m experiments.bench --parts propagation step --repeats 1")
    whole = results["step"]["comparisons"]["whole step"]["seconds"]
    assert results["step"]["facts"] == {
        "batches in an epoch": 1,
        "seconds an epoch, ours": whole["ours"]["median"],
        "seconds an epoch, ours, 8,192 pairs": whole["ours, 8,192 pairs"]["median"],
    }
    products = results["propagation"]
    share = products["comparisons"]["one layer"]["ratios"]["bound: each array moves once"]["median"]
    assert products["facts"]["ours over the bound of each array moving once"]["median"] == pytest.approx(1 / share)


def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "other.json"
    for content in ("{", "[]", '{"arms": {}}'):
        out.write_text(content)
        assert cli.main(bench.command, ["--out", str(out)]) == cli.BAD_INPUT
        assert f"{out} holds no figures of the benchmark" in capsys.readouterr().err
        assert out.read_text() == content


def test_without_implicit_its_row_says_so(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommend, "package", lambda name: None)
    results = bench.bench(BenchSettings(parts=("recommend",), repeats=1, budget=0))["recommend"]
    for comparison in results["comparisons"].values():
        assert comparison["seconds"]["implicit, ALS"] == "not installed"
    assert not any("implicit" in label for label in results["facts"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threads", "0"], "threads is 0"),
        (["--threads", "2", "--clock", "processor"], "--clock wall"),
        (["--budget", "-1"], "budget is -1"),
        (["--objective", "none"], "objective 'none' is unknown"),
        (["--out", "bench.txt"], "ends in .json"),
        (["--out", "no/such/folder/bench.json"], "make it first"),
    ],
)
def test_bad_options_are_refused_before_measuring(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(bench.command, options) == cli.BAD_INPUT
    assert message in capsys.readouterr().err


def test_naming_no_part_is_an_error() -> None:
    with pytest.raises(ConfigError, match="parts names nothing"):
        BenchSettings(parts=())
