from copy import deepcopy
from typing import Any

import pytest

from experiments.comparison.forms import markdown
from experiments.comparison.labels import seeds
from experiments.comparison.table import across_table, arms_table, degree_table, gains_table, main_table
from tests.experiments.comparison.conftest import ONE_SEED, arm


@pytest.mark.parametrize(
    ("alone", "main", "gains"),
    [((), False, False), (("a",), True, False), (("c",), True, True), (("a", "b_1", "c"), True, True)],
)
def test_a_table_with_a_test_of_an_arm_with_one_seed_says_what_it_leaves_out(
    results: dict[str, Any], alone: tuple[str, ...], main: bool, gains: bool
) -> None:
    for name, of in results["arms"].items():
        of["seeds"] = [1] if name in alone else [1, 2]
    assert [ONE_SEED in table(results).caption for table in (main_table, gains_table)] == [main, gains]
    assert ONE_SEED not in degree_table(results).caption, "it has no test"


@pytest.mark.parametrize(("numbers", "said"), [((1, 1), "1 seed"), ((5, 5), "5 seeds"), ((3, 5), "3 to 5 seeds")])
def test_the_number_of_seeds_is_that_of_the_arms(numbers: tuple[int, int], said: str) -> None:
    assert seeds({"arms": dict(enumerate(arm(0.1, number) for number in numbers))}) == said


def test_minutes_on_a_gpu_are_marked(results: dict[str, Any]) -> None:
    assert "minutes with" not in markdown(results)
    results["arms"]["b_1"]["devices"], results["arms"]["c"]["devices"] = ["cuda"], ["cpu", "cuda"]
    table = main_table(results)
    assert [row[-2].text for row in table.rows] == ["1.5", "1.5 g", "1.5 m"]
    assert table.caption.endswith("; minutes with g: on a shared GPU; minutes with m: on either, by seed")


def test_equal_values_share_a_place(results: dict[str, Any]) -> None:
    results["arms"]["b_1"] = arm(0.3)
    assert [row[1].place for row in main_table(results).rows] == [1, 1, 2]


def test_groups_of_items_have_their_own_best(results: dict[str, Any]) -> None:
    table = degree_table(results)
    assert table.head[1:] == ("1-3", "4")
    assert [[cell.place for cell in row[1:]] for row in table.rows] == [[0, 1], [2, 2], [1, 0]]
    assert table.caption.endswith("test pairs by column: 1,200, 7")


def test_a_gain_stands_beside_its_baseline(results: dict[str, Any]) -> None:
    (row,) = gains_table(results).rows
    assert [cell.text for cell in row] == [
        "b_1",
        ".2000 ± .0010",
        "c",
        ".1000 ± .0010",
        "+.1000 [+.0500, +.1500]",
        "+100.0 %",
        "< .001",
    ]


def test_across_data_sets_the_best_other_is_chosen_by_validation(results: dict[str, Any]) -> None:
    second = deepcopy(results) | {"dataset": "bazaar"}
    second["arms"]["c"]["valid"] = {"recall@20": {"mean": 0.9, "std": 0.0}}
    second["arms"]["b_1"]["test"] = {"recall@20": {"mean": 0.8, "std": 0.0}}
    table = across_table([results, second])
    first_row, second_row = table.rows
    by_dataset = "by the tables of the data sets: shop 1 to 2 seeds; bazaar 1 to 2 seeds"
    assert table.caption.endswith(by_dataset + ONE_SEED)
    assert across_table([results]).caption.endswith("shop 1 to 2 seeds"), "the arm with one seed is not shown"
    texts = [cell.text for cell in first_row]
    assert texts[:5] == ["shop", "1 of 3", ".3000 ± .0010", "b_1", ".2000 ± .0010"]
    assert texts[5:] == ["+.1000 [+.0500, +.1500]", "< .001", "< .001"]
    assert [cell.text for cell in second_row][:4] == ["bazaar", "2 of 3", ".3000 ± .0010", "c"]
    assert [row[4].note for row in table.rows] == ["", " (1 seed)"]


def test_arms_stand_beside_each_other_on_all_data_sets(results: dict[str, Any]) -> None:
    second = deepcopy(results) | {"dataset": "bazaar"}
    second["arms"]["a"]["test"] = {"recall@20": {"mean": 0.15, "std": 0.0}}
    del second["arms"]["c"]
    table = arms_table([results, second])
    assert table.head == ("arm, R@20", "shop", "bazaar", "mean", "a − arm, above 0")
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["a", ".3000", ".1500", ".2250 ± .1061", ""],
        ["b_1", ".2000", ".2000", ".2000 ± .0000", "+.0250 ± .1061, 1 of 2"],
    ]
    assert [[cell.place for cell in row] for row in table.rows] == [[0, 1, 2, 1, 0], [0, 2, 1, 2, 0]]
    assert table.caption == "test; mean ± standard deviation over data sets; shop 1 to 2 seeds; bazaar 2 seeds"
