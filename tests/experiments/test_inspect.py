import json
import re
from pathlib import Path

import pytest

from experiments import inspect
from experiments.run import run
from experiments.settings import parse

from .conftest import Refuse

COMMON = ("--dataset", "shop", "--model.dim", "4", "--model.k", "3", "--train.epochs", "1", "--threads", "1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, shops: Path) -> Path:
    """Two seeds of one model."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in (1, 2):
        out = folder / str(seed)
        run(parse([*COMMON, "--seed", str(seed), "--out", str(out), "--data-root", str(shops)]), quiet=True)
    return folder


def told(page: Path) -> dict[str, object]:
    (content,) = re.findall(r'<script type="application/json" id="meta">(.*?)</script>', page.read_text())
    meta: dict[str, object] = json.loads(content)
    return meta


def test_a_run_is_written_into_its_folder_the_same_each_time(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = runs / "1" / "explorer.html"
    written = []
    for _ in range(2):
        inspect.command(["--run", str(runs / "1")])
        written.append(page.read_bytes())
    shown = capsys.readouterr().out
    assert written[0] == written[1] and f"written: {page}" in shown
    assert "note: 'shop' has no folder images/, so that the page shows no pictures" in shown
    assert b"<h1>brmrs / default on shop</h1>" in written[0] and b"Recall@20 on test" in written[0]
    assert (told(page)["content"], told(page)["k"]) == (["visual", "textual"], 10)


def test_what_goes_into_the_page_can_be_chosen(runs: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    inspect.command(["--run", str(runs / "1"), "--out", str(page), "--page.neighbors", "4", "--page.top", "6"])
    assert (told(page)["k"], told(page)["top"]) == (4, 6)


def test_runs_that_cannot_be_inspected_are_refused(
    runs: Path, tmp_path: Path, other_shops: Path, refuse: Refuse
) -> None:
    assert "several runs in" in refuse(inspect.command, ["--run", str(runs)])
    assert "no finished run in" in refuse(inspect.command, ["--run", str(tmp_path)])
    assert "neighbors is 0" in refuse(inspect.command, ["--run", str(runs / "1"), "--page.neighbors", "0"])
    message = refuse(inspect.command, ["--run", str(runs / "2"), "--data-root", str(other_shops)])
    assert "was trained on other data" in message and not (runs / "2" / "explorer.html").exists()
