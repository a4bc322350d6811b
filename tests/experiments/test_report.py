import io
from typing import Any

import pytest
from rich.console import Console

from experiments.report import print_metrics


def metrics(base: float) -> dict[str, float]:
    return {"recall@10": base, "recall@20": base + 0.1, "ndcg@10": base + 0.2, "ndcg@20": base + 0.3}


def shown(synthetic: bool, branches: dict[str, Any], **more: Any) -> list[list[str]]:
    file = io.StringIO()
    print_metrics(
        {
            "model": "brmrs",
            "objective": "bpr",
            "dataset": "shop",
            "data": {"synthetic": synthetic},
            "settings": {},
            "valid": metrics(0.1),
            "test": metrics(0.2),
            "branches": {"valid": branches, "test": branches},
        }
        | more,
        Console(file=file, width=120),
    )
    return [line.replace("│", " ").split() for line in file.getvalue().splitlines()]


def test_the_fused_branch_comes_first_and_the_others_below_by_split() -> None:
    rows = [row for row in shown(False, {"visual": metrics(0.01234), "tags": metrics(0.5)}) if row[-1].startswith("0.")]
    assert rows == [
        ["valid", "fused", "0.1000", "0.2000", "0.3000", "0.4000"],
        ["visual", "0.0123", "0.1123", "0.2123", "0.3123"],
        ["tags", "0.5000", "0.6000", "0.7000", "0.8000"],
        ["test", "fused", "0.2000", "0.3000", "0.4000", "0.5000"],
        ["visual", "0.0123", "0.1123", "0.2123", "0.3123"],
        ["tags", "0.5000", "0.6000", "0.7000", "0.8000"],
    ]


@pytest.mark.parametrize("synthetic", [True, False])
def test_the_title_says_what_ran_and_whether_data_are_synthetic(synthetic: bool) -> None:
    title = " ".join(shown(synthetic, {})[0])
    assert title == "brmrs / bpr on shop" + (" (synthetic data)" if synthetic else "")


def test_the_title_names_what_is_plugged_in() -> None:
    title = " ".join(shown(False, {}, settings={"plug": "chns,synergy"})[0])
    assert title == "brmrs / bpr + chns + synergy on shop"


def test_cold_and_warm_items_come_last_with_their_pairs_where_there_are_cold_ones() -> None:
    cold = {"cold": {"pairs": 12} | metrics(0.3), "warm": {"pairs": 3456} | metrics(0.5)}
    rows = [row for row in shown(False, {}, cold=cold) if row[-1].startswith("0.")]
    assert rows[-2:] == [
        ["cold", "items,", "12", "pairs", "0.3000", "0.4000", "0.5000", "0.6000"],
        ["warm", "items,", "3,456", "pairs", "0.5000", "0.6000", "0.7000", "0.8000"],
    ]
    assert len(rows) == 4
