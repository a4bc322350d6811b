"""What ``python -m experiments.prepare --check DIR`` does."""

from __future__ import annotations

from pathlib import Path

from brmrs_graph.data.check import Finding
from brmrs_graph.data.folder_check import check_folder
from brmrs_graph.data.preparation import MANIFEST, changed_files
from brmrs_graph.errors import DataError
from experiments.catalog import check_files, describe


def check(folder: Path) -> None:
    """Prints all that is wrong with a data set folder, and what else is worth knowing about it.

    Raises:
        DataError: If anything is wrong; remarks alone are not.
    """
    folder = folder.resolve()
    found = [*check_folder(folder), *_description(folder), *_manifest(folder)]
    problems = [finding for finding in found if finding.wrong]
    for finding in (*problems, *(finding for finding in found if not finding.wrong)):
        print(finding)
    if problems:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise DataError(f"{folder} has {count}, see above; mend what is named there")
    print(f"{folder} can be used" + (", see the remarks" if found else ": nothing to remark"))


def _description(folder: Path) -> list[Finding]:
    """Whether the files are those that dataset.yaml describes."""
    found = []
    try:
        sums = describe(folder).sha256
    except DataError as error:
        return [Finding(str(error), wrong=True)]
    for name, digest in sums.items():
        try:
            check_files(folder, {name: digest}, "dataset.yaml")
        except DataError as error:
            found.append(Finding(str(error), wrong=True))
    return found


def _manifest(folder: Path) -> list[Finding]:
    """Whether the files are those that were prepared."""
    try:
        return [
            Finding(f"{folder / name} is not what {MANIFEST} says was prepared; prepare the data set again", wrong=True)
            for name in changed_files(folder)
        ]
    except DataError as error:
        return [Finding(str(error), wrong=True)]
