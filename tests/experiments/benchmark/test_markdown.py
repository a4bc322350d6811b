from typing import Any

from experiments.benchmark.markdown import markdown


def spread(median: float) -> dict[str, float]:
    return {"median": median, "low": median / 2, "high": 2 * median, "rounds": 3}


def part(**figures: Any) -> dict[str, Any]:
    return {"command": "bench", "processor": "P", "threads": 2, "clock": "wall", **figures}


PARTS = {
    "step": part(
        comparisons={
            "whole": {
                "reference": "ours",
                "seconds": {"ours": spread(0.1), "other": spread(0.3), "absent": "not installed"},
                "ratios": {"other": spread(3.0)},
            }
        },
        facts={"bandwidth": spread(14.0), "users a second": 3756.4},
    ),
    "growth": part(rows={"a": {"pairs": 2000, "seconds": {"step": 0.5}}, "b": {"pairs": 1, "peak": None}}),
}


def test_times_stand_in_one_table_rows_in_their_own_and_a_command_once() -> None:
    assert markdown(PARTS) == [
        "| part | what | ms | quartiles | over ours | quartiles |",
        "|---|---|---:|---|---:|---|",
        "| step, whole | ours | 100 | 50 - 200 |  |  |",
        "| step, whole | other | 300 | 150 - 600 | 3 | 1.5 - 6 |",
        "| step, whole | absent | not installed |  |  |  |",
        "",
        "| growth | pairs | seconds: step | peak |",
        "|---|---:|---:|---:|",
        "| `a` | 2,000 | 0.5 |  |",
        "| `b` | 1 |  | not measured |",
        "",
        "* step: bandwidth 14 (7 - 28)",
        "* step: users a second 3,756",
        "",
        "`bench` (2 threads of P, wall time): step, growth",
    ]
