"""Whether features can be used up to their rotation in less memory than they take."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DIM = 512

PROGRAM = """
import resource, sys, torch
from pathlib import Path
from brmrs_graph.data import MultimodalDataset, read_folder

def use(folder: str) -> MultimodalDataset:
    data = read_folder(Path(folder), name="shop")
    print(data.content_hash, *data.check())
    print(tuple(data.rotated(16).features["visual"].shape))
    return data

small, large, allowed = sys.argv[1:]
torch.set_num_threads(1)
use(small)  # what is loaded and started at the first use counts as taken
status = Path("/proc/self/status").read_text().splitlines()
taken = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData:"))
resource.setrlimit(resource.RLIMIT_DATA, (taken + int(allowed), taken + int(allowed)))
data = use(large)
try:
    data.features["visual"].clone()
except RuntimeError:
    print("no room for a copy")
"""


def write(folder: Path, items: int) -> int:
    """A shop of so many items, one of which lacks a picture; returns the bytes of its features."""
    folder.mkdir()
    pairs = [f"0\t{item}\t{item % 3}" for item in (*range(0, items, 19), items - 1)]
    (folder / "shop.inter").write_text("\n".join(["userID\titemID\tx_label", *pairs]))
    x = np.random.default_rng(0).standard_normal((items, DIM), dtype=np.float32)
    x[7] = 0
    np.save(folder / "image_feat.npy", x)
    return x.nbytes


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_features_that_do_not_fit_in_memory_are_read_checked_hashed_and_rotated(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    write(small, 4_000)  # large enough for the kernels, and their buffers, that a large one takes
    allowed = write(large, 36_000) // 3
    command = [sys.executable, "-c", PROGRAM, str(small), str(large), str(allowed)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "1 of 36,000 (0.0%) items lacks the modality visual" in done.stdout
    assert done.stdout.endswith("(36000, 16)\nno room for a copy\n")
