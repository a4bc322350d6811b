import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import tyro
from matplotlib.colors import to_hex

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.nn.fusion import make_fusion
from experiments import cli
from experiments.plan import folder_name
from experiments.run import command as run_command
from experiments.run import run as train
from experiments.runfolder import RunFolder
from experiments.settings import parse, to_dict
from experiments.study import STUDIES, Study
from experiments.study.__main__ import command
from experiments.study.base import QUICK, Cell
from experiments.study.chns import ALONE, CONFUSED, SEPARATED
from experiments.study.conduct import conduct
from experiments.study.corruption import WEIGHT
from experiments.study.figure import draw
from experiments.study.finished import FinishedRun
from experiments.study.measures import DEGENERATED, EXCESS, RECALL, SYNERGY, degeneration
from experiments.study.weights import branch_weights, contributions, unfused
from tests.experiments.conftest import Refuse

MakeStudy = Callable[..., Study]
Conducted = Callable[[str], tuple[Study, dict[str, Any]]]


@pytest.fixture(scope="module", autouse=True)
def runs(runs_here: list[str]) -> list[str]:
    """Runs are carried out in this process; the list names them."""
    return runs_here


@pytest.fixture(scope="module")
def make_study(shops: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeStudy:
    """Makes quick studies of the small shop, or of small planted data, which share their runs."""
    out = tmp_path_factory.mktemp("runs")

    def make(name: str, **options: Any) -> Study:
        kind = STUDIES[name]
        place = {} if kind().dataset == "planted" else {"dataset": "shop", "data_root": shops}
        # One at a time: threads of one process would share torch's generator.
        return kind(**{**place, "out": out, "seeds": 2, "jobs": 1, "quick": True, **options})

    return make


@pytest.fixture(scope="module")
def conducted(make_study: MakeStudy) -> Conducted:
    """A quick study and its results; each is conducted once for all tests, and its files are there."""

    @cache
    def conduct_once(name: str) -> tuple[Study, dict[str, Any]]:
        study = make_study(name)
        return study, conduct(study)

    return conduct_once


def folders(study: Study, cell: Cell) -> list[RunFolder]:
    """The run folders of a cell, found without the code of the study."""
    place = study.out / study.dataset / folder_name(study.options(cell))
    return [RunFolder(place / str(seed)) for seed in study.seed_list]


def values_of(results: dict[str, Any], panel: str, arm: str, x: float | str) -> dict[str, Any]:
    (row,) = (row for row in results["rows"] if (row["panel"], row["arm"], row["x"]) == (panel, arm, x))
    return row["values"]


# --- every study


@pytest.mark.parametrize("name", [name for name in STUDIES if name != "corruption"])
def test_a_study_writes_numbers_table_figure_and_command(conducted: Conducted, name: str) -> None:
    study, results = conducted(name)
    files = {suffix: study.out / f"{study.title}.{suffix}" for suffix in ("json", "md", "png", "svg")}
    assert json.loads(files["json"].read_text()) == json.loads(json.dumps(results))
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    page, drawing = files["md"].read_text(), files["svg"].read_text()
    assert study.asks in page and study.command in page
    assert results["command"].startswith(f"python -m experiments.study {name} --dataset {study.dataset}")
    for arm in {cell.arm for cell in study.cells()}:
        assert f"| {arm} |" in page and f">{arm}<" in drawing
    for quantity in results["drawn"]:
        assert any(quantity in row["values"] for row in results["rows"])
    assert results["versions"]["torch"] and results["data"]["hash"]
    assert all(len(value["values"]) == 2 for row in results["rows"] for value in row["values"].values())


def test_numbers_are_those_of_the_run_folders(conducted: Conducted) -> None:
    study, results = conducted("synergy")
    page = (study.out / f"{study.title}.md").read_text()
    for cell in study.cells():
        values = values_of(results, cell.panel, cell.arm, cell.x)
        kept = [json.loads((folder.path / "metrics.json").read_text()) for folder in folders(study, cell)]
        assert [(m["objective"], m["settings"]["loss"]["synergy"]) for m in kept] == [(cell.arm, cell.x)] * 2
        recalls = [metrics["test"]["recall@20"] for metrics in kept]
        assert values[RECALL]["values"] == pytest.approx(recalls)
        assert values[RECALL]["mean"] == pytest.approx(np.mean(recalls))
        assert values[RECALL]["std"] == pytest.approx(np.std(recalls, ddof=1))
        assert f"{np.mean(recalls):.4f} ± {np.std(recalls, ddof=1):.4f}" in page
        for name in ("visual", "textual"):
            alone = [metrics["branches"]["test"][name]["recall@20"] for metrics in kept]
            assert values[f"{RECALL} {name}"]["values"] == pytest.approx(alone)
        diagnosed = [metrics["diagnosis"] for metrics in kept]
        assert values[DEGENERATED]["values"] == pytest.approx([d["degeneration@20"] for d in diagnosed])
        assert values[SYNERGY]["values"] == pytest.approx([d["partition@20"]["001"] for d in diagnosed])


def test_nothing_is_done_twice(conducted: Conducted, runs: list[str]) -> None:
    study, first = conducted("synergy")
    drawing = (study.out / f"{study.title}.svg").read_bytes()
    done = len(runs)
    assert conduct(study) == first
    assert len(runs) == done
    assert (study.out / f"{study.title}.svg").read_bytes() == drawing, "the same numbers give the same figure"


def test_studies_share_their_runs(conducted: Conducted, runs: list[str]) -> None:
    (synergy, _), (sensitivity, _) = conducted("synergy"), conducted("sensitivity")
    both = [
        {folder_name(study.options(cell)): cell.options for cell in study.cells()} for study in (synergy, sensitivity)
    ]
    shared = both[0].keys() & both[1].keys()
    weights = {both[0][name][-1] for name in shared if "default" in both[0][name]}
    assert weights == {"0", "3"}, "the ends of λ_s are in both"
    for name in shared:
        assert sum(f"/{name}/1 " in f"{run} " for run in runs) == 1


def test_chance_is_measured_where_there_are_enough_seeds(conducted: Conducted) -> None:
    study, results = conducted("synergy")
    assert values_of(results, "synergy", "bpr", 0)[EXCESS]["mean"] is None
    assert "| not measured |" in (study.out / f"{study.title}.md").read_text()

    cell = study.cells()[0]
    places = [*folders(study, cell), RunFolder(study.out / "third")]
    train(parse([*study.options(cell), "--seed=3", f"--data-root={study.data_root}", f"--out={places[2].path}"]))

    measured = degeneration(FinishedRun(places[0], places[1:]))
    assert -1 <= measured[EXCESS] <= measured[DEGENERATED] <= 1


def test_a_failed_run_is_reported_and_the_others_are_kept(
    make_study: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study("chns", out=tmp_path, seeds=1, common="--loss.neighbors 5000")
    with pytest.raises(TrainingError, match=r"1 of 5 runs failed; the first said: loss.neighbors is 5000"):
        conduct(study)
    kept = {cell.arm: folders(study, cell)[0].read_metrics() is not None for cell in study.cells()}
    assert kept == {"bpr": True, "dns": True, "self": True, "chns-graph": False, "default": True}
    assert not list(tmp_path.glob("study-*"))


def test_runs_on_other_data_are_refused(conducted: Conducted) -> None:
    study, _ = conducted("synergy")
    (path,) = (folder.path / "metrics.json" for folder in folders(study, study.cells()[-1])[-1:])
    kept = path.read_text()
    try:
        changed = json.loads(kept)
        changed["data"]["hash"] = "0123456789abcdef"
        path.write_text(json.dumps(changed))
        with pytest.raises(ConfigError, match=r"made on other data than those before .*0123456789abcdef.*--out"):
            conduct(study)
        with pytest.raises(ConfigError, match=r"'shop' has changed since the run in .* was made .*--out"):
            _ = FinishedRun(RunFolder(path.parent)).data
    finally:
        path.write_text(kept)


# --- what single studies read


def test_chns_shares_are_those_of_the_drawn_negatives(conducted: Conducted) -> None:
    _, results = conducted("chns")
    for direction in ("A visual, B textual", "A textual, B visual"):
        for arm in ("bpr", "default"):
            random, pool = (values_of(results, direction, arm, x) for x in ("random", "CHNS pool"))
            # The hardest of four in A is scored higher by A than one of the four on average.
            assert pool[CONFUSED]["mean"] > random[CONFUSED]["mean"]
            assert 0 <= pool[SEPARATED]["mean"] <= 1
    assert {row["x"] for row in results["rows"] if row["panel"] == ALONE} == {"visual", "textual", "fused"}


def test_information_types_count_pairs(conducted: Conducted) -> None:
    study, results = conducted("information-types")
    by_type = {row["x"]: row["values"][RECALL]["values"] for row in results["rows"] if row["arm"] == "BR-MRS"}
    cell = study.cells()[-1]
    rankings = [folder.read_ranking("test", FUSED) for folder in folders(study, cell)]
    shares = [float(r.hits.sum() / r.num_relevant.sum()) for r in rankings]
    assert by_type.pop("all pairs") == pytest.approx(shares)
    assert len(by_type) == 5
    for seed, share in enumerate(shares):  # the share of all pairs is a mean of those of the types
        assert min(v[seed] for v in by_type.values()) <= share <= max(v[seed] for v in by_type.values())


def test_signal_strength_changes_the_data(conducted: Conducted) -> None:
    study, results = conducted("signal-strength")
    assert len({row["data"] for row in results["rows"]}) == 4  # the ends of two sweeps
    assert "and 3 more" in (study.out / f"{study.title}.md").read_text()


# --- weights of branches


@pytest.mark.parametrize("fusion", ["concat", "mean", "gate"])
def test_contributions_add_up_to_the_fused_score(fusion: str) -> None:
    generator = torch.Generator().manual_seed(0)
    names, dims = ("visual", "textual", "id"), {"visual": 3, "textual": 5, "id": 2}
    users = {name: torch.randn(4, dims[name], generator=generator) for name in names}
    items = {name: torch.randn(6, dims[name], generator=generator) for name in names}
    fuse = make_fusion(fusion, dims)
    if fusion == "gate":
        torch.nn.init.normal_(fuse.gate.weight, generator=generator)
    with torch.no_grad():
        tables = Branches(users, items, ("visual", "textual"), fuse).tables()
    # As they come back from a file: in the order of their names.
    kept = Branches(*({name: tables[name][side] for name in sorted(tables)} for side in (0, 1)), ("visual", "textual"))
    parts = contributions(kept)
    assert unfused(kept) == parts.modalities == names
    everyone = torch.arange(4)
    scores = {name: parts.score_all(name, everyone) for name in names}
    torch.testing.assert_close(sum(scores.values()), kept.score_all(FUSED, everyone))
    factor = {"concat": torch.ones(4, 3), "mean": torch.full((4, 3), 1 / 3)}.get(fusion)
    if factor is None:
        factor = 3 * fuse.weights(users).detach()
    for m, name in enumerate(names):
        torch.testing.assert_close(scores[name], factor[:, m : m + 1] * (users[name] @ items[name].t()))


def test_weights_are_shares_of_the_margins_spread(conducted: Conducted) -> None:
    study, _ = conducted("synergy")
    run = FinishedRun(folders(study, study.cells()[0])[0])
    weights = branch_weights(run)
    assert set(weights) == {"visual", "textual"} and sum(weights.values()) == pytest.approx(1)

    scaled = FinishedRun(run.folder)
    (users, items) = (
        {name: side(name) for name in ("visual", "textual")} for side in (run.branches.users, run.branches.items)
    )
    users["visual"] = 3 * users["visual"]
    with torch.no_grad():
        tables = Branches(users, items, ("visual", "textual"), make_fusion("concat", {})).tables()
    scaled.__dict__["branches"] = Branches(
        *({n: t[s] for n, t in tables.items()} for s in (0, 1)), ("visual", "textual")
    )
    ratio = weights["visual"] / weights["textual"]
    again = branch_weights(scaled)
    assert again["visual"] / again["textual"] == pytest.approx(3 * ratio, rel=1e-5)


def test_weights_are_not_measured_where_the_fused_score_is_no_sum(conducted: Conducted) -> None:
    study, _ = conducted("synergy")
    run = FinishedRun(folders(study, study.cells()[0])[0])
    run.__dict__["settings"] = replace(run.settings, options=replace(run.settings.options, fusion="mlp"))
    assert all(np.isnan(weight) for weight in branch_weights(run).values())


# --- the command


def test_the_command_names_what_was_asked_for(
    make_study: MakeStudy, capsys: pytest.CaptureFixture[str], shops: Path
) -> None:
    study = make_study("chns")
    place = ["--dataset", "shop", "--data-root", str(shops), "--out", str(study.out), "--seeds", "2", "--jobs", "1"]
    assert cli.main(command, ["chns", *place, "--quick"]) == 0
    out = capsys.readouterr().out
    assert "python -m experiments.study chns --dataset shop --data-root DIR --seeds 2 --quick" in out
    assert "hard in A" in out and "chns-graph" in out


def test_every_option_that_matters_is_in_the_command(make_study: MakeStudy) -> None:
    study = make_study("corruption", common="--train.epochs 3", kinds=("swapped", "blanked"), quick=False)
    assert study.command == (
        "python -m experiments.study corruption --dataset shop --data-root DIR --seeds 2 "
        "--common='--train.epochs 3' --kinds swapped blanked"
    )
    again = tyro.cli(STUDIES["corruption"], args=shlex.split(study.command)[4:])
    assert again.command == study.command, "the command can be given as it is written"


def test_help_lists_what_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(command, ["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name}: {study.asks}" in out for name, study in STUDIES.items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which study"),
        (["magic"], "'magic' is no study; give one of corruption, information-types"),
        (["chns", "--seeds", "0"], "seeds is 0; it must be at least 1"),
        (["information-types", "--dataset", "boutique"], "use --dataset planted"),
        (["signal-strength", "--dataset", "boutique"], "use --dataset planted"),
        (["corruption", "--kinds", "burnt"], "corruption 'burnt' is unknown"),
        (["chns", "--sedes", "3"], "--sedes"),
    ],
)
def test_bad_input_is_refused(refuse: Refuse, arguments: list[str], message: str) -> None:
    assert message in refuse(command, arguments)


# --- figures


def test_an_objective_looks_the_same_in_every_figure(conducted: Conducted) -> None:
    colours: dict[str, set[str]] = {}
    for name in ("synergy", "sensitivity", "chns", "information-types"):
        _, results = conducted(name)
        for handle, text in zip(draw(results).legends[0].legend_handles, draw(results).legends[0].texts, strict=True):
            colours.setdefault(results["arms"][text.get_text()], set()).add(to_hex(handle.get_edgecolor()[0]))
    assert all(len(different) == 1 for different in colours.values())
    assert len({next(iter(colour)) for colour in colours.values()}) == len(colours) == 7


# --- corrupted data (needs the option --corrupt of experiments.run)


def test_corruption_hits_a_growing_share(make_study: MakeStudy, conducted: Conducted, runs: list[str]) -> None:
    _, results = conducted("corruption")
    assert {row["panel"] for row in results["rows"]} == {f"textual {kind}" for kind in ("swapped", "blanked", "filler")}
    hashes = {(row["panel"], row["x"]): row["data"] for row in results["rows"]}
    assert len({hashes[panel, 0] for panel, _ in hashes}) == 1, "nothing is corrupted at 0"
    assert len(set(hashes.values())) == 4
    for row in results["rows"]:
        assert 0 < row["values"][WEIGHT]["mean"] < 1
    done = len(runs)
    conduct(make_study("corruption", modality="visual", kinds=("swapped",)))
    assert all("--corrupt visual:swapped:0.8" in run for run in runs[done:]), "those of share 0 were there"


def test_a_modality_that_is_not_there_is_named(make_study: MakeStudy) -> None:
    with pytest.raises(TrainingError, match=r"no modality acoustic \(it has: visual, textual\)"):
        conduct(make_study("corruption", modality="acoustic", kinds=("swapped",)))


def test_a_run_on_corrupted_data_says_so(shops: Path, tmp_path: Path) -> None:
    options = ["--dataset", "shop", "--data-root", str(shops), *QUICK, "--corrupt", "textual:blanked:0.5"]
    metrics = train(parse([*options, "--out", str(tmp_path / "run")]), quiet=True)
    assert "corrupt: textual:blanked:0.5" in (tmp_path / "run" / "config.yaml").read_text()
    assert any("corrupted on purpose: taken away" in note for note in metrics["data"]["notes"])
    run = FinishedRun(RunFolder(tmp_path / "run"))
    assert run.settings.corrupt == "textual:blanked:0.5"
    assert int(run.data.missing["textual"].sum()) == 1 + round(0.5 * 29)


def test_runs_without_corruption_are_found_where_they_were(shops: Path) -> None:
    assert "corrupt" not in to_dict(parse([]))
    assert folder_name(["--corrupt", ""]) == folder_name([])
    assert folder_name(["--corrupt", "textual:swapped:0.4"]) != folder_name([])


def test_corruption_that_cannot_be_is_refused_before_anything_is_read(refuse: Refuse) -> None:

    assert "write MODALITY:KIND:SHARE" in refuse(run_command, ["--corrupt", "textual"])
    assert "must lie between 0 and 1" in refuse(run_command, ["--corrupt", "textual:swapped:4"])
