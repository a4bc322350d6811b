"""The page on data: its example of a shop runs and gives what the page says, and its commands are ones."""

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
import tyro

from brmrs_graph.data import read_folder
from brmrs_graph.data.preparation import read_manifest
from experiments import cli, settings
from experiments.prepare import PrepareSettings

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "data.md").read_text()
SHOP = PAGE.split("## A shop of your own")[1].split("\n## ")[0]


def blocks(text: str, *languages: str) -> list[tuple[str, str]]:
    """Language and content of the fenced blocks, in their order."""
    return [block for block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL) if block[0] in languages]


def commands(block: str) -> list[list[str]]:
    """The words of each command after ``python -m``."""
    lines = [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines()]
    return [line[line.index("-m") + 1 :] for line in lines if line]


def test_the_example_of_a_shop_runs_and_says_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRMRS_CACHE", str(tmp_path / "cache"))
    said = ""
    for language, content in blocks(SHOP, "python", "bash", "text"):
        if language == "python":
            exec(compile(content, "data.md", "exec"), {})
        elif language == "text":
            assert content in said
        else:
            for module, *arguments in commands(content):
                assert cli.main(importlib.import_module(module).command, arguments) == 0
        said = capsys.readouterr().out
    assert re.fullmatch(r"(C\d{5} \[('\d{7}'(, )?){5}\]\n){3}", said), "names, not numbers"

    manifest = read_manifest(Path("data/shop"))
    (_, excerpt), *_ = blocks(PAGE, "json")
    assert json.loads(excerpt).items() <= manifest.items()
    data = read_folder(Path("data/shop"))
    assert data.item_ids[:2] == ["0000000", "0001037"] and data.missing["visual"].sum() == 2
    assert "cold" in json.loads(Path("runs/shop/metrics.json").read_text())


@pytest.mark.parametrize(
    "words", [words for _, block in blocks(PAGE, "bash") for words in commands(block)], ids=" ".join
)
def test_every_command_is_one_that_the_command_line_takes(words: list[str]) -> None:
    module, *arguments = words
    if module == "experiments.run":
        settings.parse(arguments)
    else:
        tyro.cli(PrepareSettings, args=arguments).options()
