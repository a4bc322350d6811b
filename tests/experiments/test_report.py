import io
from typing import Any

import pytest
from rich.console import Console

from experiments.report import diagnosis_rows, diagnosis_table, print_metrics


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


def value(number: float) -> dict[str, Any]:
    return {"value": number, "low": None, "high": None}


def diagnosed(name: str, first: str, second: str) -> dict[str, Any]:
    """A model of two modalities; each value is made from what it is of, whatever the order of the modalities."""
    amount = {"visual": 1, "textual": 2, "acoustic": 3}
    a, b = amount[first], amount[second]

    def direction(confused: str, right: str) -> dict[str, Any]:
        number = 10 * amount[confused] + amount[right]
        content = {"rate": value(number), "position": value(100 + number)}
        return {
            "confused": confused,
            "right": right,
            "content": content,
            "failure": {"rate": value(200 + number), "of_sum": value(300 + number)},
        }

    return {
        "name": name,
        "seeds": [1],
        "recall": {first: value(a), second: value(b), "fused": value(0)},
        "alone": {first: None, second: None},
        "partition": {
            "summary": dict.fromkeys(("fusion_loss", "fusion_keeps", "synergy"), value(0)),
            "synergy_chance": None,
        },
        "degeneration": dict.fromkeys(("in_model", "trained_alone", "chance", "excess")),
        "complementarity": [direction(first, second), direction(second, first)],
        "information": [
            {
                "first": first,
                "second": second,
                "redundancy": value(a * b),
                "unique_first": value(a),
                "unique_second": value(b),
                "synergy": value(a + b),
            }
        ],
        "utilisation": value(1),
        "by_type": None,
    }


def test_a_diagnosis_has_every_model_in_its_row_whatever_its_modalities() -> None:
    models = [
        diagnosed("first", "visual", "textual"),
        diagnosed("turned", "textual", "visual"),
        diagnosed("other", "visual", "acoustic"),
        diagnosed("none", "visual", "textual") | {"complementarity": [], "information": []},
    ]
    record = {"dataset": {"name": "shop", "synthetic": False}, "k": 20, "models": models}
    rows = {
        name: [None if cell is None else cell["value"] for cell in row] for name, row in diagnosis_rows(record).items()
    }
    assert {name: row for name, row in rows.items() if "→" in name or "bits" in name} == {
        name: [number, number, None, None]
        for name, number in {
            "look-alike wins visual→textual": 12,
            "far (0) to close (1) visual→textual": 112,
            "failure proper visual→textual": 212,
            "failure of a plain sum visual→textual": 312,
            "look-alike wins textual→visual": 21,
            "far (0) to close (1) textual→visual": 121,
            "failure proper textual→visual": 221,
            "failure of a plain sum textual→visual": 321,
            "bits, redundant": 2,
            "bits, visual": 1,
            "bits, textual": 2,
            "bits, synergy": 3,
        }.items()
    }
    assert rows["R@20 textual"] == [2, 2, None, 2]
    file = io.StringIO()
    Console(file=file, width=120).print(diagnosis_table(record))
    (line,) = (line for line in file.getvalue().splitlines() if "bits, textual" in line)
    assert line.replace("│", " ").split() == ["bits,", "textual", "2.0000", "2.0000", *["not", "measured"] * 2]


def test_bits_of_more_than_two_modalities_name_their_pair() -> None:
    pairs = (("visual", "textual"), ("acoustic", "visual"))
    model = diagnosed("all", *pairs[0])
    model["information"] += diagnosed("", *pairs[1])["information"]
    rows = diagnosis_rows({"k": 20, "models": [model]})
    assert [cell and cell["value"] for name, (cell,) in rows.items() if name.endswith(", visual")] == [1, 1]
    assert rows["bits of textual and visual, redundant"][0]["value"] == 2
    assert rows["bits of acoustic and visual, redundant"][0]["value"] == 3
