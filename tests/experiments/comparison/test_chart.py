from typing import Any

import pytest

from experiments.comparison.chart import draw


def arm(value: float, seconds: float, seeds: int = 2, **more: Any) -> dict[str, Any]:
    test = {"recall@20": {"mean": value, "std": 0.01}}
    return {"test": test, "seconds": [seconds] * seeds, "seeds": list(range(seeds))} | more


def comparison(**arms: dict[str, Any]) -> dict[str, Any]:
    return {"arms": arms, "reference": "a", "dataset": "shop", "data": {"synthetic": False}}


@pytest.mark.parametrize(("slowest", "scale"), [(1000, "log"), (80, "linear")])
def test_arms_stand_by_recall_with_their_spread(slowest: int, scale: str) -> None:
    nothing_trained = {"nothing trained": arm(0.1, 0)}
    quality, cost = draw(comparison(a=arm(0.2, 30), b=arm(0.3, slowest), **nothing_trained)).axes
    assert [label.get_text() for label in quality.get_yticklabels()] == ["nothing trained", "a", "b"]
    points = [line.get_xdata()[0] for line in cost.lines]
    assert points == pytest.approx([0.5, slowest / 60])
    assert cost.get_xscale() == scale
    bars = [container.lines[2][0].get_segments()[0][:, 0].tolist() for container in quality.containers]
    assert bars[1] == pytest.approx([0.19, 0.21])


def test_an_arm_with_fewer_seeds_says_so_and_the_axis_tells_the_range() -> None:
    quality, _ = draw(comparison(a=arm(0.2, 30, seeds=5), b=arm(0.1, 30, seeds=1))).axes
    assert [label.get_text() for label in quality.get_yticklabels()] == ["b (1 seed)", "a"]
    assert quality.get_xlabel() == "test Recall@20 on shop, 1 to 5 seeds\n(dotted: the best)"


def test_times_on_a_cpu_and_on_a_gpu_are_on_axes_of_their_own() -> None:
    arms = {"a": arm(0.4, 60), "b": arm(0.3, 120, devices=["cuda"]), "c": arm(0.2, 180, devices=["cpu", "cuda"])}
    _, *costs = draw(comparison(**arms)).axes
    assert [axis.get_xlabel() for axis in costs] == [
        "minutes,\none CPU thread",
        "minutes,\na shared GPU",
        "minutes,\neither, by seed",
    ]
    points = [[(line.get_xdata()[0], line.get_ydata()[0]) for line in axis.lines] for axis in costs]
    assert points == [[(1.0, 2)], [(2.0, 1)], [(3.0, 0)]]


def test_where_nothing_is_trained_there_is_no_axis_of_times() -> None:
    assert len(draw(comparison(a=arm(0.2, 0), b=arm(0.1, 0))).axes) == 1
