import io
from typing import Any

import pytest
from rich.console import Console

from experiments.comparison.forms import latex, markdown, terminal
from experiments.comparison.table import degree_table, main_table
from tests.experiments.comparison.conftest import ONE_SEED, arm


def printed(results: dict[str, Any]) -> str:
    file = io.StringIO()
    Console(file=file, width=80).print(terminal(results))
    return file.getvalue()


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


def test_the_terminal_says_what_a_test_of_an_arm_with_one_seed_leaves_out(results: dict[str, Any]) -> None:
    assert ONE_SEED in " ".join(printed(results).split())
    results["arms"]["c"]["seeds"] = [1, 2]
    assert ONE_SEED not in " ".join(printed(results).split())
