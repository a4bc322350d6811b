"""Small data sets and a web server for all tests."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.dataset import csr_from_pairs
from tests.servers import Server, running

MakeData = Callable[..., MultimodalDataset]

torch.set_num_threads(1)  # on tensors this small, threads cost more than they give


def toy_data(
    modalities: Sequence[str] = ("visual", "textual"),
    *,
    num_users: int = 14,
    num_items: int = 18,
    missing: float = 0.0,
    isolated: bool = False,
    seed: int = 0,
) -> MultimodalDataset:
    """Random interactions (6 training, 2 validation, 2 test pairs a user) and random features.

    Args:
        modalities: Names of the modalities; each has a width of its own.
        num_users: |U|.
        num_items: |I|, at least 12.
        missing: Share of items that lack each modality (their rows are zero).
        isolated: Whether the last user and the last item have no interaction at all.
        seed: Seed of everything.
    """
    rng = np.random.default_rng(seed)
    active_users, active_items = num_users - isolated, num_items - isolated
    drawn = np.stack([rng.permutation(active_items)[:10] for _ in range(active_users)])
    splits = []
    for columns in (drawn[:, :6], drawn[:, 6:8], drawn[:, 8:]):
        users = np.repeat(np.arange(active_users), columns.shape[1])
        splits.append(csr_from_pairs(users, columns.reshape(-1), (num_users, num_items)))
    features, lacking = {}, {}
    for i, name in enumerate(modalities):
        lacking[name] = torch.zeros(num_items, dtype=torch.bool)
        lacking[name][torch.from_numpy(rng.permutation(num_items)[: round(missing * num_items)])] = True
        x = torch.from_numpy(rng.normal(0.5, 1, (num_items, 5 + i)).astype(np.float32))
        features[name] = x * ~lacking[name].unsqueeze(1)
    return MultimodalDataset("toy", *splits, features=features, missing=lacking)


@pytest.fixture(scope="session")
def make_data() -> MakeData:
    """Makes small data sets, see :func:`toy_data`."""
    return toy_data


@pytest.fixture(scope="session")
def toy() -> MultimodalDataset:
    """A small data set with the modalities visual and textual."""
    return toy_data()


@pytest.fixture(scope="session")
def checkerboard() -> MultimodalDataset:
    """Users like the items of their own parity: of 30 such items, 20 are for training, 5 each are held out.

    Who learned the pattern ranks the ten held-out items above all others that are not masked. Features tell parity
    too, under noise.
    """
    num_users, num_items = 40, 60
    rng = np.random.default_rng(0)
    pairs: list[list[tuple[int, int]]] = [[], [], []]
    for user in range(num_users):
        liked = 2 * rng.permutation(num_items // 2) + user % 2
        for split, items in zip(pairs, (liked[:20], liked[20:25], liked[25:]), strict=True):
            split.extend((user, int(item)) for item in items)
    splits = [csr_from_pairs(*np.array(split).T, (num_users, num_items)) for split in pairs]
    parity = torch.arange(num_items).remainder(2).mul(2).sub(1).unsqueeze(1)
    generator = torch.Generator().manual_seed(0)
    features = {
        name: torch.cat([2.0 * parity, torch.randn(num_items, 4, generator=generator)], dim=1)
        for name in ("visual", "textual")
    }
    missing = {name: torch.zeros(num_items, dtype=torch.bool) for name in features}
    return MultimodalDataset("checkerboard", *splits, features=features, missing=missing)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine, see :mod:`tests.servers`."""
    monkeypatch.setenv("no_proxy", "*")
    with running() as local:
        yield local
