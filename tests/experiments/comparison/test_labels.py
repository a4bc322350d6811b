from typing import Any

import pytest

from experiments.comparison.labels import fewer


@pytest.mark.parametrize(
    ("seeds", "trials", "said"),
    [
        (2, {"a": 0.1, "b": 0.2}, ""),
        (2, {}, ""),
        (1, {"a": 0.1, "b": 0.2}, " (1 seed)"),
        (2, {"a": 0.1, "b": None, "c": 0.0}, " (2 of 3 trials)"),
        (1, {"a": 0.1, "b": None}, " (1 seed, 1 of 2 trials)"),
    ],
)
def test_an_arm_with_fewer_seeds_or_trials_says_so(seeds: int, trials: dict[str, float | None], said: str) -> None:
    arm: dict[str, Any] = {"seeds": list(range(seeds)), "trials": trials}
    assert fewer(arm, {"arms": {"whole": {"seeds": [0, 1]}, "this": arm}}) == said
