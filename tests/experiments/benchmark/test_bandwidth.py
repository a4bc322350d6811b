import torch

from experiments.benchmark.bandwidth import Bandwidth, compulsory_bytes, gather_bytes


def test_compulsory_bytes_by_hand() -> None:
    # 2 rows: 3 pointers; 4 edges: 4 indices and 4 weights; x is 3 x 5 and y 2 x 5; 4 bytes each.
    assert compulsory_bytes(rows=2, cols=3, edges=4, dim=5) == 4 * (3 + 4 + 4 + 15 + 10)


def test_gather_bytes_by_hand() -> None:
    # As above, but each of the 4 edges fetches 5 numbers of x.
    assert gather_bytes(rows=2, edges=4, dim=5) == 4 * (3 + 4 + 4 + 20 + 10)


def test_the_bounds_meet_where_every_row_is_fetched_once() -> None:
    assert gather_bytes(rows=7, edges=7, dim=64) == compulsory_bytes(rows=7, cols=7, edges=7, dim=64)


def test_bandwidth_is_bytes_over_seconds() -> None:
    seconds = iter([10.0, 12.0, 20.0, 23.0])
    bandwidth = Bandwidth(1000, lambda: next(seconds))
    assert bandwidth.copy() == 2 * 4000 / 2
    assert bandwidth.triad() == 3 * 4000 / 3
    assert torch.equal(bandwidth.a, bandwidth.b + 3 * bandwidth.c)
