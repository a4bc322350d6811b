import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from experiments.executors.base import Message, carry_out
from experiments.executors.local import LocalExecutor
from experiments.run import run
from experiments.runfolder import RunFolder
from experiments.settings import parse

RUN = ("--dataset", "shop", "--model", "lightgcn", "--model.dim", "4", "--train.epochs", "3", "--threads", "1")


def arguments(shops: Path, out: Path) -> Sequence[str]:
    return [*RUN, "--data-root", str(shops), "--out", str(out)]


@pytest.mark.parametrize("done", [3, 2, 0])
def test_a_run_that_another_process_trains_is_waited_for_and_gone_on_with(
    shops: Path, tmp_path: Path, done: int
) -> None:
    def stop(record: dict[str, int]) -> None:
        if record["epoch"] > done:
            raise KeyboardInterrupt

    other, folder = tmp_path / "other", RunFolder(tmp_path / "run")
    if done == 3:
        run(parse(arguments(shops, other)), quiet=True)
    elif done:
        with pytest.raises(KeyboardInterrupt):
            run(parse(arguments(shops, other)), quiet=True, on_epoch=stop)
    told: SimpleQueue[Message] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        with folder.held():
            second = pool.submit(carry_out, arguments(shops, folder.path), Path.cwd(), told.put)
            assert told.get(timeout=60) == ("note", f"waiting for another process that trains in {folder.path}")
            if done:
                shutil.copytree(other, folder.path, dirs_exist_ok=True)
        second.result(60)
    messages = [told.get() for _ in range(told.qsize())]
    assert [record["epoch"] for kind, record in messages[:-1]] == list(range(done + 1, 4))
    assert messages[-1] == ("metrics", folder.read_metrics())


def test_the_person_is_told_that_a_run_waits(shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []
    folder, said = RunFolder(tmp_path / "run"), ""
    with LocalExecutor(1) as executor, ThreadPoolExecutor(1) as pool:
        with folder.held():
            words = arguments(shops, folder.path)
            second = pool.submit(executor.train, words, lambda record: seen.append(record["epoch"]))
            while not said:
                assert not second.done()
                time.sleep(0.05)
                said = capsys.readouterr().out
            assert said == f"waiting for another process that trains in {folder.path}\n" and not seen
        assert second.result(60) == folder.read_metrics()
    assert seen == [1, 2, 3]
