from pathlib import Path

import pytest

from brmrs_graph.errors import ConfigError
from experiments.yaml_file import read_yaml


def test_what_a_file_holds_is_read(tmp_path: Path) -> None:
    (tmp_path / "fine.yaml").write_text("a: [1, x]\n")
    assert read_yaml(tmp_path / "fine.yaml", "--plan") == {"a": [1, "x"]}


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe"])
def test_what_is_no_yaml_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^\S+wrong\.yaml is no valid YAML: .+$"):
        read_yaml(tmp_path / "wrong.yaml", "--plan")


def test_a_file_that_is_not_there_is_told_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read: No such file or directory; give another --plan"):
        read_yaml(tmp_path / "none.yaml", "--plan")
