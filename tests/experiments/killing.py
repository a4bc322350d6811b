"""Prepares a data set again and again, and kills it at random moments.

::

    python -m tests.experiments.killing RAW OUT N

All children are forked from one process that has imported everything and done nothing, so that a kill costs no
imports. Prints, as JSON, how many were killed and the SHA-256 of every manifest that was finished in between.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from brmrs_graph.files import file_sha256
from experiments.prepare import PrepareSettings, prepare

NAME = "shop"


def child(raw: Path, out: Path) -> int:
    """Starts a child that prepares; returns its process id."""
    process = os.fork()
    if process:
        return process
    try:
        sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
        prepare(PrepareSettings(NAME, raw, out=out, text_encoder="tfidf", image_encoder="colors", pca=16))
        os._exit(0)
    finally:
        os._exit(1)


def ended(process: int) -> bool:
    """Waits for a child; whether it was killed."""
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed"
    return os.WIFSIGNALED(status)


def main(raw: Path, out: Path, kills: int) -> None:
    manifests, left = [], []
    manifest = out / NAME / "manifest.json"

    def finished() -> None:
        manifests.append(file_sha256(manifest))
        shutil.rmtree(out)

    seconds = 0.0
    for _ in range(2):  # the first one fills the cache of encoded vectors, and takes longer
        start = time.monotonic()
        ended(child(raw, out))
        seconds = time.monotonic() - start
        finished()
    rng = random.Random(0)
    while len(left) < kills:
        process = child(raw, out)
        time.sleep(rng.uniform(0, seconds))
        os.kill(process, signal.SIGKILL)
        if not ended(process):
            finished()  # it was there before the kill
            continue
        work = out / f".{NAME}.part"
        left.append(len(list(work.glob("*.json"))) if work.exists() else -1)
        if rng.random() < 0.5:  # sometimes killed twice in a row
            ended(child(raw, out))
            finished()
    ended(child(raw, out))
    finished()
    print(json.dumps({"manifests": manifests, "stages finished at each kill": left}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
