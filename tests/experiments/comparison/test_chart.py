from typing import Any

import pytest

from experiments.comparison.chart import draw


@pytest.mark.parametrize(("slowest", "scale"), [(1000, "log"), (80, "linear")])
def test_arms_stand_by_recall_with_their_spread(slowest: int, scale: str) -> None:
    def arm(value: float, seconds: float) -> dict[str, Any]:
        return {"test": {"recall@20": {"mean": value, "std": 0.01}}, "seconds": [seconds]}

    results = {
        "arms": {"a": arm(0.2, 30), "b": arm(0.3, slowest), "nothing trained": arm(0.1, 0)},
        "reference": "a",
        "dataset": "shop",
        "data": {"synthetic": False},
        "seeds": [1, 2],
    }
    quality, cost = draw(results).axes
    assert [label.get_text() for label in quality.get_yticklabels()] == ["nothing trained", "a", "b"]
    points = [line.get_xdata()[0] for line in cost.lines]
    assert points == pytest.approx([0.5, slowest / 60])
    assert cost.get_xscale() == scale
    bars = [container.lines[2][0].get_segments()[0][:, 0].tolist() for container in quality.containers]
    assert bars[1] == pytest.approx([0.19, 0.21])
