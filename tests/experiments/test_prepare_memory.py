"""How much memory a large preparation takes, and whether that grows no faster than its data."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brmrs_graph.data.preparation import read_manifest

REPOSITORY = Path(__file__).resolve().parents[2]
SIZES = ((1_250_000, 50_000), (2_500_000, 100_000), (5_000_000, 200_000))
DIM = 512
MOST = 4.0
"""GiB"""


def write_shop(folder: Path, pairs: int, items: int) -> None:
    """A shop with ids as shops have them, times, and vectors in a file; users have 20 interactions each."""
    rng = np.random.default_rng(0)
    ids = np.array([f"{number * 7:010d}" for number in range(items)])
    with (folder / "sales.csv").open("w") as file:
        for start in range(0, pairs, 250_000):
            table = pd.DataFrame(
                {
                    "user_id": 7 * rng.integers(pairs // 20, size=250_000) + 812_733,
                    "item_id": ids[rng.integers(items, size=250_000)],
                    "timestamp": rng.integers(1_400_000_000, 1_500_000_000, size=250_000),
                }
            )
            table.to_csv(file, index=False, header=start == 0)
    pd.DataFrame({"item_id": ids, "title": [f"thing {number % 999}" for number in range(items)]}).to_csv(
        folder / "things.csv", index=False
    )
    np.savez(folder / "vectors.npz", ids=ids, vectors=rng.standard_normal((items, DIM), dtype=np.float32))


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and GiB at most of a process of its own."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, said[-2000:]
    return time.monotonic() - start, usage.ru_maxrss / 2**20


@pytest.mark.slow
def test_memory_grows_no_faster_than_the_data_and_stays_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peaks, seconds = [], []
    for pairs, items in SIZES:
        raw, out = tmp_path / f"raw{pairs}", tmp_path / f"out{pairs}"
        raw.mkdir()
        write_shop(raw, pairs, items)
        arguments = ["--dataset", "shop", "--from", str(raw), "--out", str(out), "--split", "time"]
        encoders = ["--image-encoder", f"file:{raw / 'vectors.npz'}", "--text-encoder", "tfidf"]
        took, peak = measured([sys.executable, "-m", "experiments.prepare", *arguments, *encoders])
        seconds.append(took)
        peaks.append(peak)
        with capsys.disabled():
            print(f"\n{pairs:,} interactions, {items:,} items x {DIM}: {took:.0f} s, {peak:.2f} GiB")
        assert read_manifest(out / "shop")["features"]["visual"]["dimensions"] == DIM
    assert max(peaks) < MOST
    growth = np.diff(peaks) / np.diff([pairs for pairs, _ in SIZES])
    assert growth[1] < 1.5 * growth[0], "GiB for each further interaction"
