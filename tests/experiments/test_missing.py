"""Runs on data with missing content and with cold items, and the check of a folder."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from brmrs_graph.errors import ConfigError
from experiments import cli, prepare
from experiments.catalog import load_for
from experiments.run import run
from experiments.settings import from_yaml, parse, to_dict

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

SHORT = ("--train.epochs", "2", "--train.batch-size", "64", "--model.dim", "4", "--model.k", "4")


@pytest.fixture
def shop(shops: Path, tmp_path: Path) -> Path:
    """The data root of a shop that sells three new items, two of them in held-out pairs alone."""
    folder = tmp_path / "root" / "shop"
    folder.mkdir(parents=True)
    sold = (shops / "shop" / "shop.inter").read_text()
    (folder / "shop.inter").write_text(sold + "0\t30\t2\n1\t30\t2\n1\t31\t2\n2\t32\t1\n")
    for name in ("image", "text"):
        x = np.load(shops / "shop" / f"{name}_feat.npy")
        np.save(folder / f"{name}_feat.npy", np.concatenate([x, x[:3]]))
    return folder.parent


def test_held_out_pairs_of_cold_items_are_reported_apart(shop: Path, tmp_path: Path) -> None:
    for model in ("brmrs", "lightgcn"):
        options = SHORT if model == "brmrs" else SHORT[:-2]
        where = ["--data-root", str(shop), "--out", str(tmp_path / model)]
        metrics = run(parse(["--dataset", "shop", "--model", model, *where, *options]), quiet=True)
        written = json.loads((tmp_path / model / "metrics.json").read_text())
        assert written["cold"] == metrics["cold"]
        cold, warm = metrics["cold"]["cold"], metrics["cold"]["warm"]
        assert (cold["pairs"], cold["pairs"] + warm["pairs"]) == (3, metrics["data"]["counts"]["test"])
        assert set(cold) == set(warm) == {"pairs", *metrics["test"]}
        assert all(0 <= value <= 1 for name, value in (cold | warm).items() if name != "pairs")


def test_nothing_is_said_of_cold_items_where_there_are_none_in_the_test(shops: Path, tmp_path: Path) -> None:
    where = ["--data-root", str(shops), "--out", str(tmp_path / "run")]
    assert "cold" not in run(parse(["--dataset", "shop", *where, *SHORT]), quiet=True)


def test_imputed_runs_have_other_data_and_come_back_from_their_settings(shops: Path, tmp_path: Path) -> None:
    words = ["--dataset", "shop", "--data-root", str(shops)]
    plain, mean = parse(words), parse([*words, "--impute", "mean"])
    assert "impute" not in to_dict(plain) and to_dict(mean) == to_dict(plain) | {"impute": "mean"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(to_dict(mean)))
    assert from_yaml(tmp_path / "config.yaml").impute == "mean"
    masked, imputed = load_for(plain), load_for(mean)
    assert masked.missing["visual"].sum() == 1 and not imputed.missing["visual"].any()
    assert masked.content_hash != imputed.content_hash


def test_content_that_is_taken_away_on_purpose_is_imputed_as_well(shops: Path) -> None:
    words = ["--dataset", "shop", "--data-root", str(shops), "--corrupt", "visual:blanked:0.3"]
    assert load_for(parse(words)).missing["visual"].sum() == 10
    assert not load_for(parse([*words, "--impute", "mean"])).missing["visual"].any()


def test_models_without_content_run_with_imputation_as_without(shops: Path) -> None:
    words = ["--dataset", "bare", "--data-root", str(shops), "--model", "lightgcn"]
    assert load_for(parse([*words, "--impute", "mean"])).content_hash == load_for(parse(words)).content_hash


def test_other_imputations_are_refused() -> None:
    with pytest.raises(ConfigError, match="impute is 'median'; give mean, or leave it out"):
        parse(["--impute", "median"])


def test_a_sound_folder_is_checked_with_exit_code_0_and_remarks(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(prepare.command, ["--check", str(shop / "shop")]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("remark: ") and "items are cold" in line for line in shown)
    assert shown[-1] == f"{shop / 'shop'} can be used, see the remarks"


def test_a_check_prints_everything_that_is_wrong_and_ends_with_exit_code_2(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shop / "shop"
    np.save(folder / "image_feat.npy", np.full((33, 2), np.inf))
    (folder / "text_feat.npy").write_bytes(b"")
    sums = {"shop.inter": "0" * 64, "image_feat.npy": "1" * 64}
    (folder / "dataset.yaml").write_text(yaml.safe_dump({"sha256": sums}))
    assert cli.main(prepare.command, ["--check", str(folder)]) == 2
    shown, error = capsys.readouterr()
    problems = [line for line in shown.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 4 and shown.splitlines()[:4] == problems
    assert sum("is not the file that" in line for line in problems) == 2
    assert error == f"error: {folder} has 4 problems, see above; mend what is named there\n"


@pytest.mark.parametrize("content", ["sha256: 7", "a: [", "- a"])
def test_a_description_that_cannot_be_read_is_a_problem(shop: Path, content: str, refuse: Refuse) -> None:
    (shop / "shop" / "dataset.yaml").write_text(content)
    assert "has one problem" in refuse(prepare.command, ["--check", str(shop / "shop")])


def test_a_check_of_nothing_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    assert "is no folder" in refuse(prepare.command, ["--check", str(tmp_path / "nowhere")])
