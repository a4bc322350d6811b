import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from brmrs_graph.errors import CheckpointError
from brmrs_graph.training.checkpoint import (
    load_model,
    load_state,
    load_tensors,
    restore_training,
    save_tensors,
    training_tensors,
    write_bytes,
)

TENSORS = {
    "a": torch.arange(6.0).view(2, 3),
    "b.c": torch.tensor([True, False]),
    "empty": torch.empty(0, 4),
    "scalar": torch.tensor(7),
}


def trained(seed: int, steps: int = 2) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A small module after some steps of Adam, one parameter of which never got a gradient."""
    torch.manual_seed(seed)
    model = nn.ModuleDict({"used": nn.Linear(3, 2), "idle": nn.Linear(2, 2)})
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(steps):
        step(model, optimizer)
    return model, optimizer


def step(model: Any, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model["used"](torch.ones(1, 3)).square().sum().backward()
    optimizer.step()


@pytest.fixture(autouse=True)
def random_state() -> Any:
    with torch.random.fork_rng(devices=[]):
        yield


def test_tensors_and_state_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.safetensors"
    state = {"epoch": 3, "best": 0.1 + 0.2, "name": "é"}
    save_tensors(path, TENSORS | {"turned": TENSORS["a"].t()}, state)
    tensors, found = load_tensors(path)
    assert found == state
    for name, x in (TENSORS | {"turned": TENSORS["a"].t()}).items():
        assert tensors[name].dtype == x.dtype and torch.equal(tensors[name], x)
    assert [file.name for file in path.parent.iterdir()] == ["x.safetensors"]


def test_the_latest_write_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, {"epoch": 1})
    save_tensors(path, {"b": torch.ones(2)})
    tensors, state = load_tensors(path)
    assert list(tensors) == ["b"] and state == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match=rf"{path} is missing.*with another --out"):
            load_tensors(path)


@settings(deadline=None, max_examples=60)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_an_error_wherever_it_ends(share: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cut") / "x.safetensors"
    save_tensors(path, TENSORS, {"epoch": 1})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="truncated or no checkpoint"):
        load_tensors(path)


@settings(deadline=None, max_examples=40)
@given(content=st.binary(max_size=200))
def test_garbage_is_an_error(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("garbage") / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="truncated or no checkpoint"):
        load_tensors(path)


@pytest.mark.parametrize("where", ["write", "flush to disk", "rename"])
def test_a_failing_write_leaves_the_old_file_as_it_was(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, {"epoch": 1})
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError("no space left on device")

    class Full:
        """A file that takes only the first bytes."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> None:
            self.file.write(content[:10])
            fail()

    open_file = Path.open
    with monkeypatch.context() as patch:
        if where == "write":
            patch.setattr(Path, "open", lambda self, mode="r": Full(open_file(self, mode)))
        elif where == "flush to disk":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="no space left"):
            save_tensors(path, {"a": torch.zeros(5000)}, {"epoch": 2})
    assert path.read_bytes() == before
    save_tensors(path, {"a": torch.zeros(5000)}, {"epoch": 2})
    assert load_tensors(path)[1] == load_state(path) == {"epoch": 2}


def test_a_file_has_its_name_only_once_it_is_whole_and_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "x", []

    def watch(descriptor: int) -> None:
        seen.append((path.exists(), os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fsync", watch)
    write_bytes(path, b"12345")
    assert seen == [(False, 5)] and path.read_bytes() == b"12345"


def test_restored_training_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    model, optimizer = trained(0)
    save_tensors(tmp_path / "x", training_tensors(model, optimizer))
    other, other_optimizer = trained(1, steps=0)
    restore_training(other, other_optimizer, load_tensors(tmp_path / "x")[0])
    for _ in range(3):
        step(model, optimizer)
        step(other, other_optimizer)
    for name, x in model.state_dict().items():
        assert torch.equal(x, other.state_dict()[name])


def test_what_belongs_to_another_model_is_refused() -> None:
    tensors = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    load_model(nn.Linear(3, 2), tensors)
    for model in (nn.Linear(4, 2), nn.Linear(3, 2, bias=False), nn.Sequential(nn.Linear(3, 2))):
        with pytest.raises(CheckpointError, match="another model or data set"):
            load_model(model, tensors)
    model, optimizer = trained(0)
    with pytest.raises(CheckpointError, match="another model or data set"):
        restore_training(nn.Linear(3, 2), optimizer, training_tensors(model, optimizer))
