"""kill -9 at random moments of a preparation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Pictures, texts, vectors and interactions; every stage takes a while."""
    folder = tmp_path / "raw"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    words = ["red", "blue", "long", "short", "dress", "shirt", "shoe", "hat", "wool", "silk"]
    lines = ["itemID,title"]
    for item in range(200):
        lines.append(f"i{item:04d},{' '.join(rng.choice(words, 4))}")
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(folder / "images" / f"i{item:04d}.png")
    (folder / "items.csv").write_text("\n".join(lines) + "\n")
    pairs = [f"u{user}\ti{item:04d}" for user in range(500) for item in rng.choice(200, 20, replace=False)]
    (folder / "shop.inter").write_text("\n".join(["userID\titemID", *pairs]) + "\n")
    np.save(folder / "audio_feat.npy", rng.normal(size=(200, 64)))
    return folder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills are those of POSIX systems")
@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_goes_on_and_makes_the_same_manifest(raw: Path, tmp_path: Path, kills: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.experiments.killing", str(raw), str(tmp_path / "out"), str(kills)],
        cwd=REPOSITORY,
        env={**os.environ, "BRMRS_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["stages finished at each kill"]) == kills
    assert len(found["manifests"]) >= 2 and len(set(found["manifests"])) == 1
