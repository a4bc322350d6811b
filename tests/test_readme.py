import re
from pathlib import Path

import pytest

from brmrs_graph.models import model_names
from brmrs_graph.training import PRESETS

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
README = PAGES[0].read_text()
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
TOLD_TOGETHER = {"data.md"}  # its examples go on from each other, see test_data_page.py
EXAMPLES = [
    (page.name, code) for page in PAGES if page.name not in TOLD_TOGETHER for code in PYTHON.findall(page.read_text())
]


@pytest.mark.parametrize(("page", "code"), EXAMPLES, ids=lambda text: text[:14])
def test_the_python_examples_run(page: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # what an example writes does not stay among the data
    exec(compile(code, page, "exec"), {})


def test_every_model_and_objective_is_told_with_what_it_is() -> None:
    assert all(f"`{name}`" in README for name in model_names())
    assert all(f"| `{name}` | {what} |" in README for name, (what, _) in PRESETS.items())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_and_file_that_a_page_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
