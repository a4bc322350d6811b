import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from brmrs_graph.errors import ConfigError
from experiments import compare, tune
from experiments.comparison.runner import Run, Runner
from experiments.executors.base import LostRunError
from experiments.executors.cluster import RayExecutor

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

MESSAGES = [("epoch", {"epoch": 1}), ("metrics", {"valid": 0.5})]


class RayError(Exception):
    pass


class Ray(ModuleType):
    """A cluster of two machines that stands in for Ray: tells what it was asked for, and gives what it is told to."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(RayError=RayError)
        self.util = ModuleType("ray.util")
        self.util.scheduling_strategies = SimpleNamespace(NodeAffinitySchedulingStrategy=lambda node, soft: node)
        self.resources = {"CPU": 6.0}
        self.missing: Callable[[str, list[Path]], list[Path]] = lambda node, paths: []
        self.runs: list[dict[str, Any]] = []
        self.answers: list[list[Any]] = []
        self.open = self.refuses = False

    def init(self, address: str, **_: object) -> None:
        assert address == "auto"
        if self.refuses:
            raise ConnectionError("a long story\nnobody answers")
        self.open = True

    def shutdown(self) -> None:
        self.open = False

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": name, "NodeName": name, "Alive": name != "gone"} for name in ("here", "gone", "there")]

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, **asked: Any) -> Callable[[Callable[..., Any]], SimpleNamespace]:
        def task(_: Callable[..., Any]) -> SimpleNamespace:
            return SimpleNamespace(options=lambda **more: SimpleNamespace(remote=self.start(asked | more)))

        return task

    def start(self, asked: dict[str, Any]) -> Callable[..., Any]:
        if "scheduling_strategy" in asked:
            return lambda paths: self.missing(asked["scheduling_strategy"], paths)

        def begin(arguments: Sequence[str], folder: Path) -> Iterator[Any]:
            assert folder == Path.cwd()
            self.runs.append(asked | {"device": arguments[-1]})
            return iter(self.answers.pop(0))

        return begin

    def get(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self, task: object, force: bool) -> None:
        assert force


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    module = Ray()
    monkeypatch.setitem(sys.modules, "ray", module)
    monkeypatch.setitem(sys.modules, "ray.util", module.util)
    monkeypatch.setitem(sys.modules, "ray.util.scheduling_strategies", module.util.scheduling_strategies)
    return module


def train(out: Path, *options: str) -> dict[str, Any]:
    with RayExecutor("auto", None, out) as executor:
        return executor.train(["--out", str(out), "--threads", "1", *options])


@pytest.mark.parametrize(
    ("options", "gpus", "reserved", "slots"),
    [
        ([], 0, (1, 0, "cpu"), 6),
        ([], 2, (1, 1, "cuda"), 2),
        (["--device", "cpu", "--threads", "3"], 2, (3, 0, "cpu"), 2),
        (["--device", "cuda:1"], 2, (1, 1, "cuda"), 2),
    ],
)
def test_a_run_reserves_what_it_uses(
    ray: Ray, tmp_path: Path, options: list[str], gpus: int, reserved: tuple[int, int, str], slots: int
) -> None:
    ray.resources = {"CPU": 6.0} | ({"GPU": float(gpus)} if gpus else {})
    ray.answers = [MESSAGES]
    assert train(tmp_path, *options) == {"valid": 0.5}
    (run,) = ray.runs
    assert (run["num_cpus"], run["num_gpus"], run["device"]) == reserved
    with RayExecutor("auto", None, tmp_path) as executor:
        assert executor.slots == slots and ray.open
    with RayExecutor("auto", 40, tmp_path) as executor:
        assert executor.slots == 40
    assert not ray.open


def test_a_run_that_waits_for_a_gpu_in_vain_is_refused(ray: Ray, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the device is cuda, but the cluster has no GPU"):
        train(tmp_path, "--device", "cuda")


def test_a_run_that_is_lost_is_begun_once_more(ray: Ray, tmp_path: Path) -> None:
    ray.answers = [[MESSAGES[0], RayError("the worker died")], MESSAGES]
    assert train(tmp_path) == {"valid": 0.5}
    ray.answers = [[MESSAGES[0], RayError("the worker died")], [RayError("a long story\nthe node died")], MESSAGES]
    with pytest.raises(LostRunError, match=r"^lost on the cluster: the node died$"):
        train(tmp_path)
    assert len(ray.answers) == 1, "and not a third time"


def test_lost_runs_do_not_stop_the_others(ray: Ray, tmp_path: Path) -> None:
    ray.answers = [[RayError("the node died")]] * 2 + [MESSAGES] * 2
    runs: list[Run] = [(("--model", "mostpop"), seed) for seed in (1, 2, 3)]
    (failure,) = Runner(tmp_path, "boutique", jobs=1, ray="auto").run(runs, "three runs")
    assert failure.message == "lost on the cluster: the node died"
    assert not ray.answers


def test_machines_must_see_the_same_folders(ray: Ray, tmp_path: Path) -> None:
    seen: dict[str, list[Path]] = {}

    def look(node: str, paths: list[Path]) -> list[Path]:
        seen[node] = paths
        assert all(path.exists() for path in paths)
        return []

    ray.missing = look
    with RayExecutor("auto", None, tmp_path / "out", tmp_path):
        pass
    assert seen.keys() == {"here", "there"} and seen["here"] == seen["there"]
    folder, mark, root = seen["here"]
    assert (folder, mark.parent, root) == (Path.cwd(), tmp_path / "out", tmp_path)
    assert not list((tmp_path / "out").iterdir()), "the mark is gone"

    ray.missing = lambda node, paths: paths[1:] if node == "there" else []
    with pytest.raises(ConfigError, match=rf"machine there of the cluster does not see {tmp_path}/out of this machine"):
        train(tmp_path / "out")
    ray.missing = lambda node, paths: RayError("a traceback\nModuleNotFoundError: No module named 'torch'")  # type: ignore[return-value]
    with pytest.raises(ConfigError, match=r"machine here of the cluster cannot run this project .*'torch'"):
        train(tmp_path / "out")
    assert not ray.open


@pytest.mark.parametrize(("command", "option"), [(compare.command, "--arms"), (tune.command, "--models")])
def test_without_ray_or_a_cluster_there_is_one_message(
    command: Callable[[Sequence[str]], None],
    option: str,
    ray: Ray,
    tmp_path: Path,
    refuse: Refuse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["--out", str(tmp_path), option, "mostpop", "--ray"]
    ray.refuses = True
    message = refuse(command, [*arguments, "auto"])
    assert "--ray auto: no cluster can be reached there from this machine (nobody answers)" in message
    assert "no cluster can be reached there" in refuse(command, [*arguments, "127.0.0.1:1"])
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install ray, or leave --ray out" in refuse(command, [*arguments, "auto"])


@pytest.mark.slow
def test_runs_on_a_cluster_equal_those_of_this_machine(shops: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is optional: pip install ray")
    short = ("--dataset", "shop", "--train.epochs", "2", "--model.dim", "4")
    runs: list[Run] = [((*short, "--model", model), 1) for model in ("lightgcn", "brmrs")]
    bad: Run = (("--dataset", "bare", "--model", "contentknn"), 1)
    found = {}
    for address in ("", "local"):
        runner = Runner(tmp_path / f"at-{address}", "shop", shops, jobs=2, ray=address)
        (failure,) = runner.run([bad, *runs], "runs")
        assert "model 'contentknn' needs item features" in failure.message
        metrics = [runner.folder(*run).read_metrics() for run in runs]
        found[address] = json.dumps([(m["valid"], m["test"], m["branches"]) for m in metrics if m is not None])
    assert len(json.loads(found[""])) == 2
    assert found[""] == found["local"]
