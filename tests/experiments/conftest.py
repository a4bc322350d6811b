"""Small data set folders, runs in this process, and a way to run a command and look at what it says."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brmrs_graph.data.encoders import Progress, registry
from brmrs_graph.data.encoders.image import load_picture
from experiments import cli
from experiments.executors.local import LocalExecutor
from experiments.run import OnEpoch
from experiments.run import run as train
from experiments.settings import parse

Command = Callable[[Sequence[str]], None]
Refuse = Callable[[Command, Sequence[str]], str]

NUM_USERS, NUM_ITEMS = 40, 30


def write_shop(folder: Path, *, features: bool) -> None:
    """Users take 9 items each, mostly of their own parity; features tell parity under noise."""
    rng = np.random.default_rng(0)
    parity = np.arange(NUM_ITEMS) % 2
    lines = ["userID\titemID\tx_label"]
    for user in range(NUM_USERS):
        weight = np.where(parity == user % 2, 10.0, 1.0)
        items = rng.choice(NUM_ITEMS, 9, replace=False, p=weight / weight.sum())
        lines += [f"{user}\t{item}\t{label}" for item, label in zip(items, [0] * 6 + [1, 2, 2], strict=True)]
    lines += [f"{user}\t{NUM_ITEMS - 1}\t0" for user in (0, 1)]
    folder.mkdir(parents=True)
    (folder / f"{folder.name}.inter").write_text("\n".join(lines) + "\n")
    if features:
        for name, width in (("image", 6), ("text", 4)):
            x = rng.normal(size=(NUM_ITEMS, width)) + 2 * parity[:, None]
            x[3] = 0
            np.save(folder / f"{name}_feat.npy", x.astype(np.float32))


@pytest.fixture(scope="session")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with the data sets shop, and bare (no features)."""
    root = tmp_path_factory.mktemp("shops")
    write_shop(root / "shop", features=True)
    write_shop(root / "bare", features=False)
    return root


@pytest.fixture
def other_shops(shops: Path, tmp_path: Path) -> Path:
    """A data root whose shop lacks the last interaction."""
    other = tmp_path / "other" / "shop"
    other.mkdir(parents=True)
    for path in (shops / "shop").iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    lines = (other / "shop.inter").read_text().splitlines()
    (other / "shop.inter").write_text("\n".join(lines[:-1]) + "\n")
    return other.parent


@pytest.fixture(scope="module")
def runs_here() -> Iterator[list[str]]:
    """Runs of comparisons and studies are carried out in this process, which saves starting Python for each.

    The list names them. Ask for one job at a time: threads of one process would share torch's generator.
    """
    done: list[str] = []

    def run_here(_: LocalExecutor, arguments: Sequence[str], on_epoch: OnEpoch = lambda _: None) -> dict[str, Any]:
        done.append(" ".join(arguments))
        settings = parse(arguments)
        assert settings.out is not None
        return train(replace(settings, resume=settings.out.exists()), quiet=True, on_epoch=on_epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalExecutor, "train", run_here)
        patch.setattr(os, "fsync", lambda _: None)  # hundreds of small files that need not outlive a power cut
        yield done


class FakeTexts:
    """Vectors from the hash of a text."""

    name, dim = "fake texts", 4

    def fingerprint(self) -> str:
        return "0" * 64

    def encode(self, inputs: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        return np.stack([vector(text.encode(), self.dim) for text in inputs])


class FakePictures:
    """Vectors from the hash of a picture's pixels."""

    name, dim = "fake pictures", 6

    def fingerprint(self) -> str:
        return "1" * 64

    def encode(self, inputs: Sequence[Path], progress: Progress | None = None) -> np.ndarray:
        return np.stack([vector(load_picture(path).tobytes(), self.dim) for path in inputs])


def vector(content: bytes, dim: int) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(content).digest()[:dim], dtype=np.uint8) / np.float32(7) + 1


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Encoders that need no package, and a cache of their own."""
    monkeypatch.setattr(registry, "text_encoder", lambda name: FakeTexts())
    monkeypatch.setattr(registry, "image_encoder", lambda name: FakePictures())
    monkeypatch.setenv("BRMRS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and boxes look the same wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Runs a command that must end with exit code 2 and a message, which is returned; there is no traceback."""

    def refused(command: Command, arguments: Sequence[str]) -> str:
        try:
            code: object = cli.main(command, arguments)
        except SystemExit as stop:
            code = stop.code
        error = capsys.readouterr().err
        assert code == 2
        assert "Traceback" not in error
        if "For full helptext" in error:  # the box around an error in the use of an option
            return error
        *bars, message = error.splitlines()
        assert message.startswith("error: ")
        assert "error: " not in "".join(bars)
        return message

    return refused
