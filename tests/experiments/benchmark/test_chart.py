import io
from typing import Any

from rich.console import Console

from experiments.benchmark.chart import draw
from experiments.benchmark.tables import show


def _spread(median: float) -> dict[str, float]:
    return {"median": median, "low": 0.9 * median, "high": 1.1 * median, "rounds": 4}


def _results() -> dict[str, Any]:
    step = {
        "title": "a step",
        "comparisons": {
            "whole": {
                "reference": "ours",
                "seconds": {
                    "ours": _spread(0.1),
                    "slow": _spread(1.5),
                    "quick": _spread(0.05),
                    "other": "not installed",
                },
                "ratios": {"slow": _spread(15), "quick": _spread(0.5)},
            },
            "stages": {"reference": None, "seconds": {"forward": _spread(0.02)}, "ratios": {}},
        },
        "facts": {"batches": 97, "bandwidth": _spread(12), "memory": None},
        "seconds": 3.0,
        "processor_share": 0.5,
    }
    rows = {
        name: {"pairs": pairs, "seconds": {"step": pairs / 1e6}, "peak_gib": {"step": 0.5}}
        for name, pairs in (("small", 1000), ("large", 100_000))
    }
    killed = {"huge": {"pairs": 10**7, "interactions": "not measured"}}
    growth = {"title": "growth", "rows": rows | killed, "seconds": 9.0, "processor_share": 0.9}
    where = {"threads": 2, "processor": "a processor", "clock": "wall"}
    return {"step": where | step | {"interactions": "random"}, "growth": where | growth}


def test_bars_are_ratios_and_lines_are_growth() -> None:
    figure = draw(_results())
    assert figure is not None
    bars, seconds, memory = (axis for part in figure.subfigs for axis in part.axes)
    assert [label.get_text() for label in bars.get_yticklabels()] == ["step, whole: slow", "step, whole: quick"]
    assert [(bar.get_x(), bar.get_width()) for bar in bars.patches] == [(1, 14), (1, -0.5)]
    assert seconds.lines[0].get_xydata().tolist() == [[1000, 0.001], [100_000, 0.1]]
    assert memory.lines[0].get_ydata().tolist() == [0.5, 0.5]
    assert [label.get_text() for label in memory.get_xticklabels()] == ["small, 1,000", "large, 100,000"]
    assert figure.subfigs[0].get_supxlabel().endswith("random, 2 threads of a processor, wall time")


def test_nothing_is_drawn_where_nothing_was_measured() -> None:
    assert draw({"training": {"rows": {"mostpop": {"epochs": 0}}}}) is None


def test_tables_name_everything() -> None:
    console = Console(file=io.StringIO(), width=200)
    for part in _results().values():
        show(part, console)
    text = console.file.getvalue()
    for expected in ("1,500", "13.5 - 16.5", "not installed", "batches: 97", "memory: not measured", "100,000", "50%"):
        assert expected in text
