import sys
from pathlib import Path
from types import ModuleType

import pytest

from brmrs_graph.errors import ConfigError
from experiments.logs import Tensorboard


def test_without_the_package_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        Tensorboard(tmp_path)


def test_losses_and_validation_metrics_are_written_by_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[object, ...]] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            written.append((folder,))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def flush(self) -> None:
            written.append(("flush",))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    board = Tensorboard(tmp_path)
    board.add({"epoch": 1, "loss": {"fused": 0.5}, "valid": {"recall@20": 0.25}, "train_seconds": 3})
    board.add({"epoch": 2, "loss": {"fused": 0.4}})
    assert written == [
        (str(tmp_path),),
        ("loss/fused", 0.5, 1),
        ("valid/recall@20", 0.25, 1),
        ("flush",),
        ("loss/fused", 0.4, 2),
        ("flush",),
    ]
