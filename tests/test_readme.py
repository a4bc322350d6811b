import re
from pathlib import Path

import pytest

from brmrs_graph.models import model_names
from brmrs_graph.training import PRESETS

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_python_examples_run(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})


def test_every_model_and_objective_is_told_with_what_it_is() -> None:
    assert all(f"`{name}`" in README for name in model_names())
    assert all(f"| `{name}` | {what} |" in README for name, (what, _) in PRESETS.items())


def test_every_picture_and_file_that_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).resolve().parents[1] / target).exists(), target
