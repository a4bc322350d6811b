from dataclasses import dataclass
from pathlib import Path

import pytest

from brmrs_graph.errors import CheckpointError, ConfigError, DataError, TrainingError
from experiments import cli


def ending(error: BaseException) -> int:
    def command(arguments: object) -> None:
        raise error

    return cli.main(command, [])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("the file is empty"), 2),
        (ConfigError("the file is empty"), 2),
        (CheckpointError("the file is empty"), 2),
        (OSError("the file is empty"), 2),
        (TrainingError("the file is empty"), 1),
    ],
)
def test_known_errors_become_one_line_and_a_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(error) == code
    assert capsys.readouterr() == ("", "error: the file is empty\n")


@pytest.mark.parametrize("below", ["", "inner"])
def test_a_file_in_the_place_of_a_folder_is_told(
    below: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    place = tmp_path / "taken" / below
    assert cli.main(lambda _: place.mkdir(), []) == 2
    assert capsys.readouterr().err == f"error: {place}: there is a file where a folder is needed; choose another\n"


@pytest.mark.parametrize("message", ["", "2 epochs are kept"])
def test_control_c_becomes_130(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(KeyboardInterrupt(message)) == 130
    assert capsys.readouterr().err == f"\nstopped. {message}".rstrip() + "\n"


def test_a_defect_of_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError())


def test_a_command_gets_its_arguments_or_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    assert cli.main(lambda arguments: seen.append(list(arguments)), ["--a"]) == 0
    monkeypatch.setattr("sys.argv", ["run.py", "--b", "1"])
    assert cli.main(lambda arguments: seen.append(list(arguments))) == 0
    assert seen == [["--a"], ["--b", "1"]]


@dataclass(frozen=True)
class Options:
    common: str = ""
    seeds: int = 1


@pytest.mark.parametrize("common", [["--common", "--x 1 --y 2"], ["--common=--x 1 --y 2"]])
def test_the_value_of_common_may_begin_with_dashes(common: list[str]) -> None:
    assert cli.read_options(Options, ["--seeds", "3", *common], "test") == Options("--x 1 --y 2", 3)


def test_common_without_a_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.read_options(Options, ["--seeds", "3", "--common"], "test")
    assert "--common" in capsys.readouterr().err
