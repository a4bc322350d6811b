import torch

from experiments.benchmark.memory import available, peak


def test_the_peak_of_a_block_is_its_own() -> None:
    with peak() as large:
        torch.ones(32 << 20)  # 128 MiB
    with peak() as small:
        torch.ones(1)
    if large.growth is None or small.growth is None:  # the system does not say
        assert large.highest is small.highest is None
    else:
        assert large.growth > 0.1 > small.growth >= 0


def test_some_memory_is_available() -> None:
    assert available() > 0
