"""The hub of models, played by a server on this machine, and its libraries, played by modules."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from brmrs_graph.data.encoders import hub, image_encoder, text_encoder
from brmrs_graph.errors import DataError
from tests.servers import Server, status


@pytest.fixture
def constants(monkeypatch: pytest.MonkeyPatch, server: Server) -> SimpleNamespace:
    """The settings of the hub's library; it answers that it has nothing of the kind."""
    there = SimpleNamespace(HF_HUB_OFFLINE=False, ENDPOINT=server.base)
    library = ModuleType("huggingface_hub")
    library.__spec__ = SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", there)  # type: ignore[arg-type]
    return there


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, constants: SimpleNamespace) -> list[tuple[str, bool]]:
    """Models that were asked for, and whether the hub might be asked; none can be loaded."""
    models: list[tuple[str, bool]] = []

    def load(name: str, local_files_only: bool = False, **_: Any) -> None:
        models.append((name, not local_files_only and not constants.HF_HUB_OFFLINE))
        raise OSError("no\nmodel")

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=load))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=load))  # type: ignore[arg-type]
    return models


def test_any_answer_is_one(constants: SimpleNamespace, server: Server) -> None:
    server.serve("", status(503))
    assert hub.answers()
    constants.HF_HUB_OFFLINE = True
    assert not hub.answers()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "http://hub.invalid", "no address"])
def test_no_answer_is_none(constants: SimpleNamespace, endpoint: str) -> None:
    constants.ENDPOINT = endpoint
    assert not hub.answers()


def test_a_closed_hub_is_open_again(constants: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match=r"^x$"), hub.closed():
        assert constants.HF_HUB_OFFLINE
        raise ValueError("x")
    assert constants.HF_HUB_OFFLINE is False
    with hub.closed(False):
        assert constants.HF_HUB_OFFLINE is False


@pytest.mark.parametrize("name", ["no/such", "timm:no-such"])
def test_a_hub_that_does_not_answer_is_not_waited_for(
    constants: SimpleNamespace, asked: list[tuple[str, bool]], name: str
) -> None:
    def load() -> object:
        return image_encoder(name) if name.startswith("timm:") else text_encoder(name).fingerprint()

    with pytest.raises(DataError, match=rf"the (text|image) encoder '{name.removeprefix('timm:')}': no model\. Give"):
        load()
    constants.ENDPOINT = "http://127.0.0.1:1"
    with pytest.raises(DataError, match=r"not downloaded before, and the hub does not answer.*(tfidf|colors)"):
        load()
    constants.ENDPOINT = "never asked"
    with hub.closed(), pytest.raises(DataError, match="must not be asked"):
        load()
    assert [online for _, online in asked] == [True, False, False]


def test_a_folder_is_read_without_the_hub(
    constants: SimpleNamespace, asked: list[tuple[str, bool]], tmp_path: Path
) -> None:
    constants.ENDPOINT = "http://127.0.0.1:1"
    with pytest.raises(DataError, match=r"no model\. Give"):
        text_encoder(str(tmp_path)).fingerprint()
    assert asked == [(str(tmp_path), False)]
