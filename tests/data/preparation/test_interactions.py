from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brmrs_graph.data import MultimodalDataset, read_folder
from brmrs_graph.data.filters import Filters
from brmrs_graph.data.preparation import Interactions, account, collect_interactions, prepare
from brmrs_graph.data.raw import Columns, Report, Source, open_source
from brmrs_graph.errors import ConfigError, DataError


def write_shop(folder: Path, *, times: bool = True, labels: bool = False) -> pd.DataFrame:
    """Forty users of a shop with ids that look like numbers; some pairs occur twice, with another rating."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "user_id": [f"{user:04d}" for user in rng.integers(40, size=600)],
            "item_id": [f"0{item}" for item in rng.integers(25, size=600)],
            "rating": rng.integers(1, 6, size=600),
        }
    )
    if times:
        table["timestamp"] = rng.integers(1, 60, size=600) * 86_400
    if labels:
        table["x_label"] = rng.integers(3, size=600)
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "sales.csv", index=False)
    return table


def source_of(folder: Path) -> Source:
    return open_source(folder, interactions=folder / "sales.csv")


def rows(found: Interactions) -> pd.DataFrame:
    return pd.concat(found.chunks(size=7))


def pairs_of(data: MultimodalDataset, split: str) -> set[tuple[str, str]]:
    users, items = data.split(split).nonzero()
    return {(data.user_ids[user], data.item_ids[item]) for user, item in zip(users, items, strict=True)}


def test_ids_stay_strings_and_every_pair_is_there_once(tmp_path: Path) -> None:
    table = write_shop(tmp_path)
    found = collect_interactions(source_of(tmp_path), Report())
    pairs = set(zip(table["user_id"], table["item_id"], strict=True))
    written = rows(found)
    assert len(written) == len(pairs)
    assert set(zip(written["userID"], written["itemID"], strict=True)) == pairs
    assert set(found.user_ids) == set(table["user_id"])
    assert found.steps[0].pairs == 600
    assert found.steps[-1].pairs == len(pairs)


def test_filters_leave_out_users_and_items_too(tmp_path: Path) -> None:
    table = write_shop(tmp_path)
    found = collect_interactions(source_of(tmp_path), Report(), Filters(min_rating=3, core=5))
    written = rows(found)
    good = table[table["rating"] >= 3]
    assert set(zip(written["userID"], written["itemID"], strict=True)) <= set(
        zip(good["user_id"], good["item_id"], strict=True)
    )
    for column, ids in (("userID", found.user_ids), ("itemID", found.item_ids)):
        counts = written[column].value_counts()
        assert counts.min() >= 5
        assert set(counts.index) == set(ids)


def test_by_time_the_latest_are_for_test(tmp_path: Path) -> None:
    table = write_shop(tmp_path)
    written = rows(collect_interactions(source_of(tmp_path), Report(), rule="time"))
    first = table.groupby(["user_id", "item_id"])["timestamp"].min()
    written["time"] = [first[pair] for pair in zip(written["userID"], written["itemID"], strict=True)]
    latest = written.groupby(["userID", "x_label"])["time"].agg(["min", "max"]).unstack()
    assert (latest["max"][0] <= latest["min"][1]).all()
    assert (latest["max"][1] <= latest["min"][2]).all()


def test_at_a_moment_everybody_is_cut_alike(tmp_path: Path) -> None:
    write_shop(tmp_path)
    found = collect_interactions(source_of(tmp_path), Report(), rule="cutoff")
    assert found.cutoffs is not None
    assert found.cutoffs[0] < found.cutoffs[1]
    shares = np.bincount(found.labels) / len(found.labels)
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.03)


@pytest.mark.parametrize("times", [False, True])
def test_a_split_that_the_source_brings_stays_and_the_earliest_keeps_a_repeated_pair(
    tmp_path: Path, times: bool
) -> None:
    table = write_shop(tmp_path, times=times, labels=True)
    for least in (None, 3):
        rated = table if least is None else table[table["rating"] >= least]
        found = collect_interactions(source_of(tmp_path), Report(), Filters(min_rating=least), rule="given")
        written = rows(found)
        labels = rated.groupby(["user_id", "item_id"])["x_label"].agg(["min", "nunique"])
        given = labels.loc[list(zip(written["userID"], written["itemID"], strict=True)), "min"]
        assert written["x_label"].tolist() == given.tolist() and len(written) == len(labels)
        assert found.torn == (labels["nunique"] > 1).sum() > 30
    assert collect_interactions(source_of(tmp_path), Report(), rule="random").torn == 0


def test_a_repeated_pair_has_the_split_that_it_has_in_the_folder_as_it_is(tmp_path: Path) -> None:
    table = write_shop(tmp_path, labels=True).rename(columns={"user_id": "userID", "item_id": "itemID"})
    (tmp_path / "sales.csv").unlink()
    table.to_csv(tmp_path / "shop.inter", sep="\t", index=False)
    (tmp_path / "raw").mkdir()
    (tmp_path / "shop.inter").rename(tmp_path / "raw" / "shop.inter")
    manifest = prepare(open_source(tmp_path / "raw"), "shop", tmp_path).manifest
    torn = manifest["split"]["torn"]
    assert torn > 30
    assert f"{torn} user-item pairs are in several of the given splits, and stay in the earliest" in account(manifest)
    before, after = read_folder(tmp_path / "raw", name="shop"), read_folder(tmp_path / "shop")
    for split in ("train", "valid", "test"):
        assert pairs_of(before, split) == pairs_of(after, split) != set()


def test_the_seed_decides_alone(tmp_path: Path) -> None:
    write_shop(tmp_path)
    first, again, other = (collect_interactions(source_of(tmp_path), Report(), seed=seed) for seed in (1, 1, 2))
    assert (first.labels == again.labels).all()
    assert (first.labels != other.labels).any()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("time", r"\d+ of \d+ interactions in .* have no time; .*--columns\.timestamp NAME"),
        ("cutoff", "have no time"),
        ("given", "does not say which interactions are for test; .*--split random"),
    ],
)
def test_what_a_rule_needs_is_named(rule: str, message: str, tmp_path: Path) -> None:
    write_shop(tmp_path, times=False)
    with pytest.raises(DataError, match=message):
        collect_interactions(source_of(tmp_path), Report(), rule=rule)  # type: ignore[arg-type]


def test_guessed_columns_in_another_form_only_matter_where_they_are_needed(tmp_path: Path) -> None:
    table = write_shop(tmp_path)
    table["timestamp"] = "12/31/2020"
    table["rating"] = ["3"] * 3 + ["n/a"] * 597
    table.to_csv(tmp_path / "sales.csv", index=False)
    report = Report()
    found = collect_interactions(source_of(tmp_path), report)
    assert (found.rule, found.steps[0].pairs) == ("random", 600)
    assert report.summary() == [
        "sales.csv: 597 × rating is no number; the rating stays unknown (lines 5, 6, 7, 8, 9, …)",
        "sales.csv: 600 × timestamp is neither a number nor a date; the timestamp stays unknown "
        "(lines 2, 3, 4, 5, 6, …)",
    ]
    for rule, filters, columns in (
        ("time", None, None),
        ("cutoff", None, None),
        ("random", Filters(min_rating=3), None),
        ("random", None, Columns(timestamp="timestamp")),
        ("random", None, Columns(rating="rating")),
    ):
        source = open_source(tmp_path, interactions=tmp_path / "sales.csv", columns=columns)
        with pytest.raises(DataError, match=r"mostly broken: .*\(--columns\.user NAME and others\)"):
            collect_interactions(source, Report(), filters, rule)  # type: ignore[arg-type]


def test_an_unknown_rule_is_named(tmp_path: Path) -> None:
    write_shop(tmp_path)
    with pytest.raises(ConfigError, match="split rule 'tmie' is unknown"):
        collect_interactions(source_of(tmp_path), Report(), rule="tmie")  # type: ignore[arg-type]
