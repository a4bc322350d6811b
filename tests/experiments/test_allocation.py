import platform
from types import SimpleNamespace

import pytest

from experiments.allocation import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory when asked")
def test_glibc_takes_the_thresholds() -> None:
    assert keep_freed_memory()


@pytest.mark.parametrize("taken", [1, 0])
def test_large_blocks_come_from_the_heap_and_its_end_is_not_given_back(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def mallopt(parameter: int, value: int) -> int:
        asked[parameter] = value
        return taken

    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory() == bool(taken)
    assert asked == ({-3: 32 << 20, -1: 2**31 - 1} if taken else {-3: 32 << 20})


def test_where_the_c_library_cannot_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not keep_freed_memory()
