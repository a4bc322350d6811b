import io
from copy import deepcopy
from typing import Any

import pytest
from rich.console import Console

from experiments.comparison.forms import latex, markdown, terminal
from experiments.comparison.labels import seeds
from experiments.comparison.table import across_table, degree_table, gains_table, main_table

METRICS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
ONE_SEED = "; intervals and p leave out the spread over seeds of arms with one seed"


def arm(value: float, seeds: int = 2) -> dict[str, Any]:
    spread = {name: {"mean": value, "std": 0.001} for name in METRICS}
    groups = {"1-3": {"mean": 1 - value, "std": 0.0, "pairs": 1200}, "4": {"mean": value, "std": 0.0, "pairs": 7}}
    return {
        "valid": spread,
        "test": spread,
        "by_degree": groups,
        "seeds": list(range(seeds)),
        "seconds": [60, 120],
        "memory_gib": 0.51,
    }


@pytest.fixture
def results() -> dict[str, Any]:
    test = {"mean": 0.1, "low": 0.05, "high": 0.15, "p": 0.0002, "p_holm": 0.0004}
    return {
        "name": "x",
        "command": "python -m experiments.compare --plan x.yaml",
        "dataset": "shop",
        "data": {"synthetic": True, "hash": "abc"},
        "reference": "a",
        "arms": {"a": arm(0.3), "b_1": arm(0.2), "c": arm(0.1, seeds=1)},
        "against_reference": {"b_1": test, "c": test | {"p_holm": 0.04}},
        "gains": {"b_1": test | {"against": "c"}},
    }


def test_the_main_table_tells_means_difference_and_cost(results: dict[str, Any]) -> None:
    lines = markdown(results).splitlines()
    assert "| arm | valid R@20 | R@10 | R@20 | N@10 | N@20 | a − arm, R@20 [95 %] | p | min | GiB |" in lines
    best, second = "**.3000 ± .0010**", "*.2000 ± .0010*"
    assert f"| `a` | {' | '.join([best] * 5)} |  |  | 1.5 | 0.5 |" in lines
    assert f"| `b_1` | {' | '.join([second] * 5)} | +.1000 [+.0500, +.1500] | < .001 | 1.5 | 0.5 |" in lines
    caption = "shop: synthetic data; 1 to 2 seeds, mean ± standard deviation; data abc"
    # In the order main, gains, by degree; both tests are of an arm with one seed.
    endings = [ONE_SEED, ONE_SEED, "; test pairs by column: 1,200, 7"]
    assert [line for line in lines if line.startswith("shop: ")] == [caption + ending for ending in endings]
    assert "`python -m experiments.compare --plan x.yaml`" in lines


def test_an_arm_with_fewer_seeds_says_so_in_every_table_beside_its_name(results: dict[str, Any]) -> None:
    for table in (main_table(results), degree_table(results)):
        assert [(row[0].text, row[0].note) for row in table.rows] == [("a", ""), ("b_1", ""), ("c", " (1 seed)")]
    text = markdown(results)
    assert text.count("| `c` (1 seed) |") == 2
    assert "| `b_1` | .2000 ± .0010 | c | .1000 ± .0010 (1 seed) |" in text
    assert latex(results).count("c (1 seed) & .1000") == 1
    assert "(1 seed)" in printed(results)


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
    assert (ONE_SEED in " ".join(printed(results).split())) == main
    assert ONE_SEED not in degree_table(results).caption, "it has no test"


def test_an_arm_with_one_seed_that_is_in_no_test_changes_nothing(results: dict[str, Any]) -> None:
    del results["against_reference"]["c"], results["gains"]["b_1"]
    assert ONE_SEED not in markdown(results)
    results["arms"], results["against_reference"] = {"a": arm(0.3, seeds=1)}, {}
    assert ONE_SEED not in markdown(results) and "Differences" not in markdown(results)


def test_the_legend_names_the_tests_that_p_values_are_corrected_for(results: dict[str, Any]) -> None:
    said = "p after Holm's correction for 2 tests against a"
    assert f"{said} and, apart from them, 1 test of gains. " in markdown(results)
    results["gains"] = {}
    assert f"{said}. " in markdown(results)


@pytest.mark.parametrize(("numbers", "said"), [((1, 1), "1 seed"), ((5, 5), "5 seeds"), ((3, 5), "3 to 5 seeds")])
def test_the_number_of_seeds_is_that_of_the_arms(numbers: tuple[int, int], said: str) -> None:
    assert seeds({"arms": dict(enumerate(arm(0.1, number) for number in numbers))}) == said


def printed(results: dict[str, Any]) -> str:
    file = io.StringIO()
    Console(file=file, width=80).print(terminal(results))
    return file.getvalue()


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


def test_latex_marks_the_best_and_escapes_names(results: dict[str, Any]) -> None:
    text = latex(results)
    assert r"b\_1 & \underline{.2000 $\pm$ .0010}" in text
    assert r"a & \textbf{.3000 $\pm$ .0010}" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 3
    assert "95 \\%" in text
    for line in text.splitlines():
        if line.endswith(r" \\"):
            assert line.count(" & ") in (2, 6, 9)


@pytest.mark.parametrize(("pairs", "shown"), [(False, "valid R@20"), (True, "against")])
def test_the_terminal_shows_gains_where_every_arm_is_in_a_pair(
    results: dict[str, Any], pairs: bool, shown: str
) -> None:
    if pairs:
        del results["arms"]["a"]
    assert shown in printed(results)
    assert "[+.0500, +.1500]" in printed(results)


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
