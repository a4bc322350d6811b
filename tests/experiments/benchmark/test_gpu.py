from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from experiments import bench, cli
from experiments.bench import BenchSettings
from experiments.benchmark import context, sizes
from experiments.benchmark.gpu import differences
from experiments.benchmark.sizes import Size
from experiments.benchmark.stepping import Stepper

gpu_is_there = torch.cuda.is_available()


def test_differences_are_relative_to_our_gradient_of_the_same_negatives(
    make_data: Callable[..., MultimodalDataset],
) -> None:
    stepper = Stepper(make_data(), "default")

    def tripled() -> None:
        stepper.gradients()
        for x in stepper.model.parameters():
            if x.grad is not None:
                x.grad *= 3

    found = differences(stepper, {"ours": stepper.gradients, "again": stepper.gradients, "tripled": tripled})
    assert found == {"again": 0, "tripled": pytest.approx(2)}


@pytest.mark.skipif(gpu_is_there, reason="there is a GPU here")
def test_without_a_gpu_nothing_is_measured_and_one_line_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(bench.command, ["--parts", "step", "gpu"]) == 2
    assert "part gpu needs a GPU that PyTorch can use" in capsys.readouterr().err
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(not gpu_is_there, reason="there is no GPU here")
def test_the_other_ways_give_the_same_gradients_on_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sizes.SIZES, "clothing", Size("clothing", 200, 80, 900))
    monkeypatch.setattr(context, "DIMS", {"visual": 16, "textual": 8})
    results = bench.bench(BenchSettings(parts=("gpu",), repeats=1, budget=0, out=tmp_path / "bench.json"))
    figures = results["gpu"]
    assert figures["gpu"] == torch.cuda.get_device_name()
    assert set(figures["comparisons"]) == {
        "whole step",
        "stages of ours",
        "ranking, fused branch",
        "ranking, all branches",
    }
    assert figures["facts"]["relative difference of the gradient, compiled model"] < 1e-4
    assert 0 < figures["facts"]["relative difference of the gradient, autocast to bfloat16"] < 0.1
