import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.errors import DataError
from brmrs_graph.sampling import UniformSampler


def sampler_of(seen, num_items):
    """A sampler for users given as sets of training items; pairs go in shuffled."""
    pairs = torch.tensor([(u, i) for u, items in enumerate(seen) for i in items], dtype=torch.int64).reshape(-1, 2)
    shuffled = pairs[torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))]
    return UniformSampler(shuffled.t(), len(seen), num_items)


@st.composite
def histories(draw):
    """Training items of several users, from none to all but one."""
    num_items = draw(st.integers(1, 9))
    item = st.integers(0, num_items - 1)
    return draw(st.lists(st.sets(item, max_size=num_items - 1), min_size=1, max_size=6)), num_items


@settings(deadline=None, max_examples=60)
@given(histories())
def test_support_is_exactly_the_items_without_a_training_interaction(problem):
    seen, num_items = problem
    users = torch.arange(len(seen))
    drawn = sampler_of(seen, num_items).draw(users, 400, torch.Generator().manual_seed(0))
    assert drawn.shape == (len(seen), 400)
    for user, items in enumerate(seen):
        assert set(drawn[user].tolist()) == set(range(num_items)) - items


def test_held_out_positives_stay_reachable_and_training_positives_do_not(toy):
    sampler = UniformSampler(toy.train_edges, toy.num_users, toy.num_items)
    drawn = sampler.draw(torch.arange(toy.num_users), 500, torch.Generator().manual_seed(0))
    for user in range(toy.num_users):
        reached = set(drawn[user].tolist())
        for split in ("valid", "test"):
            held_out = set(toy.split(split)[user].indices.tolist())
            assert held_out and held_out <= reached
        assert not reached & set(toy.train[user].indices.tolist())


def test_negatives_are_equally_likely_by_a_chi_square_test():
    seen, num_items, n = [{1, 2, 5}, set(), {0, 7}], 8, 40_000
    drawn = sampler_of(seen, num_items).draw(torch.arange(3), n, torch.Generator().manual_seed(0))
    for user, items in enumerate(seen):
        free = num_items - len(items)
        count = torch.bincount(drawn[user], minlength=num_items)[[i for i in range(num_items) if i not in items]]
        chi_square = float(((count - n / free) ** 2 / (n / free)).sum())
        assert chi_square < 24.3  # the .999 quantile with 7 degrees of freedom


def test_users_may_repeat_and_come_in_any_order():
    sampler = sampler_of([{0, 1, 2}, {1, 2, 3}, {0, 3, 2}], 4)
    assert sampler.draw(torch.tensor([2, 0, 2, 1]), 2).tolist() == [[1, 1], [3, 3], [1, 1], [0, 0]]


def test_draws_are_reproducible_from_a_generator_and_differ_between_seeds():
    sampler, users = sampler_of([{0, 1}, {4}], 50), torch.tensor([0, 1, 1])
    first, again, other = (sampler.draw(users, 6, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_user_who_has_every_item_is_refused_by_number():
    with pytest.raises(DataError, match="user 1 has a training interaction with each of the 3 items"):
        sampler_of([{0}, {0, 1, 2}], 3)


def test_ids_whose_key_exceeds_32_bits_are_drawn_correctly():
    num_items = 3_000_000_000
    sampler = UniformSampler(torch.tensor([[1, 1], [0, num_items - 1]]), 2, num_items)
    drawn = sampler.draw(torch.tensor([1]), 2000, torch.Generator().manual_seed(0))
    assert int(drawn.min()) >= 1 and int(drawn.max()) <= num_items - 2
    assert float(drawn.double().mean()) == pytest.approx(num_items / 2, rel=0.05)


def test_moving_keeps_the_draws_and_moves_the_shared_pairs():
    sampler = sampler_of([{0, 1}, {4}], 50)
    before = sampler.draw(torch.tensor([0, 1]), 5, torch.Generator().manual_seed(0))
    assert sampler.to("cpu") is sampler
    assert torch.equal(before, sampler.draw(torch.tensor([0, 1]), 5, torch.Generator().manual_seed(0)))
    assert bool(sampler.seen.contains(torch.tensor(1), torch.tensor(4)))
