from itertools import permutations

import pytest
import torch

from brmrs_graph.branches import Branches, PairScores
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.nn import ConcatFusion
from brmrs_graph.sampling import Closeness, CrossModalSampler, PairSet, UniformSampler, draw_from_rows

USERS, ITEMS, BATCH = 8, 30, 60
NONE = PairSet(torch.empty(2, 0, dtype=torch.int64), ITEMS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class World:
    """Random branches, training interactions, neighbours and one batch of pairs with their pools."""

    def __init__(self, modalities=("visual", "textual"), size=6, seed=0):
        generator = seeded(seed)
        self.modalities = modalities
        users = {m: torch.randn(USERS, 4, generator=generator) for m in modalities}
        items = {m: torch.randn(ITEMS, 4, generator=generator) for m in modalities}
        self.branches = Branches(users, items, tuple(modalities), ConcatFusion())
        self.score = {m: users[m] @ items[m].t() for m in modalities}
        self.train = (torch.rand(USERS, ITEMS, generator=generator) < 0.3).nonzero().t()
        self.uniform = UniformSampler(self.train, USERS, ITEMS)
        self.seen = set(zip(*self.train.tolist(), strict=True))
        self.neighbors = {
            direction: SparseGraph.from_edges(
                *((torch.rand(ITEMS, ITEMS, generator=generator) < 0.25).fill_diagonal_(False).nonzero().t()),
                (ITEMS, ITEMS),
            )
            for direction in permutations(modalities, 2)
        }
        pairs = torch.randint(self.train.size(1), (BATCH,), generator=generator)
        self.users, self.positives = self.train[:, pairs]
        self.items = self.uniform.draw(self.users, size, generator)
        self.pool = PairScores(self.branches, self.users, self.items)

    def listed(self, a, b, item):
        graph = self.neighbors[a, b]
        return graph.col[graph.row == item].tolist()

    def sampler(self, form, **options):
        return CrossModalSampler(form, self.uniform.seen, self.neighbors, **options)


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize("modalities", [("visual", "textual"), ("visual", "textual", "audio")])
def test_pool_takes_the_candidate_that_a_scores_highest(modalities):
    world = World(modalities)
    sampler = CrossModalSampler("pool", world.uniform.seen)
    drawn = sampler.draw(world.pool, world.positives)
    assert set(drawn) == set(permutations(modalities, 2))
    for (a, _), items in drawn.items():
        for user, pool, item in zip(world.users.tolist(), world.items.tolist(), items.tolist(), strict=True):
            assert item == max(pool, key=lambda j, user=user, a=a: world.score[a][user, j])
    assert sampler.draws == BATCH * len(drawn) and sampler.fallbacks == 0


def test_the_branch_that_judges_is_a_and_not_b(world):
    drawn = world.sampler("pool").draw(world.pool, world.positives)
    assert not torch.equal(drawn["visual", "textual"], drawn["textual", "visual"])


@pytest.mark.parametrize("modalities", [("visual", "textual"), ("visual", "textual", "audio")])
def test_graph_draws_unseen_items_of_the_positives_list_and_counts_the_rest(modalities):
    world = World(modalities)
    sampler = world.sampler("graph")
    fallbacks = 0
    for seed in range(5):
        for (a, b), items in sampler.draw(world.pool, world.positives, seeded(seed)).items():
            batch = zip(world.users.tolist(), world.positives.tolist(), world.items.tolist(), strict=True)
            for (user, positive, pool), item in zip(batch, items.tolist(), strict=True):
                assert (user, item) not in world.seen
                if item not in world.listed(a, b, positive):
                    assert item == pool[0]
                    fallbacks += 1
    # An item of the list may also be the first of the pool, so that the count is at least what was seen.
    assert fallbacks <= sampler.fallbacks < sampler.draws / 4
    assert sampler.draws == 5 * BATCH * len(world.neighbors)


def test_graph_with_many_draws_finds_the_unseen_item_that_a_scores_highest_or_falls_back():
    world = World(size=400)
    sampler = world.sampler("graph")
    fallbacks = 0
    for (a, b), items in sampler.draw(world.pool, world.positives, seeded()).items():
        batch = zip(world.users.tolist(), world.positives.tolist(), world.items.tolist(), strict=True)
        for (user, positive, pool), item in zip(batch, items.tolist(), strict=True):
            unseen = [j for j in world.listed(a, b, positive) if (user, j) not in world.seen]
            fallbacks += not unseen
            assert item == max(unseen, key=lambda j, user=user, a=a: world.score[a][user, j], default=pool[0])
    assert 0 < sampler.fallbacks == fallbacks


def test_where_the_list_is_empty_the_first_of_the_pool_stands_in_and_is_counted(world):
    empty = torch.empty(0, dtype=torch.int64)
    nothing = SparseGraph.from_edges(empty, empty, (ITEMS, ITEMS))
    sampler = CrossModalSampler("graph", world.uniform.seen, dict.fromkeys(world.neighbors, nothing))
    for items in sampler.draw(world.pool, world.positives).values():
        assert torch.equal(items, world.items[:, 0])
    assert sampler.fallbacks == sampler.draws == 2 * BATCH


def test_only_pairs_without_a_candidate_fall_back(world):
    has_list = torch.arange(ITEMS) % 2 == 0
    row = has_list.nonzero().squeeze(1)
    # Each even item lists one other item, which nobody has seen.
    graph = SparseGraph.from_edges(row, torch.full_like(row, 29), (ITEMS, ITEMS))
    sampler = CrossModalSampler("graph", NONE, dict.fromkeys(world.neighbors, graph))
    for items in sampler.draw(world.pool, world.positives).values():
        assert torch.equal(items, torch.where(has_list[world.positives], 29, world.items[:, 0]))
    assert sampler.fallbacks == 2 * int((~has_list[world.positives]).sum())


@pytest.mark.parametrize("size", [5, 10])
def test_hybrid_draws_from_the_first_half_of_the_pool_and_from_the_list(size):
    world = World(size=size)
    half = (size + 1) // 2
    origins = set()
    for seed in range(5):
        for (a, b), items in world.sampler("hybrid").draw(world.pool, world.positives, seeded(seed)).items():
            batch = zip(world.users.tolist(), world.positives.tolist(), world.items.tolist(), strict=True)
            for (user, positive, pool), item in zip(batch, items.tolist(), strict=True):
                from_pool, from_list = item in pool[:half], item in world.listed(a, b, positive)
                assert from_pool or from_list
                assert (user, item) not in world.seen
                origins.add((from_pool, from_list))
    assert {(True, False), (False, True)} <= origins


def test_hybrid_with_a_single_candidate_takes_it_from_the_pool():
    world = World(size=1)
    for items in world.sampler("hybrid").draw(world.pool, world.positives).values():
        assert torch.equal(items, world.items[:, 0])


def test_hybrid_draws_uniformly_among_the_four_that_a_scores_highest():
    # One user, whose list is empty: the candidates are the first half of the pool, items 0 to 5 by rising score.
    score = torch.arange(12.0).reshape(-1, 1)
    branches = Branches(
        {"visual": torch.ones(1, 1), "textual": -torch.ones(1, 1)},
        {"visual": score, "textual": score},
        ("visual", "textual"),
        ConcatFusion(),
    )
    batch = 8000
    pool = PairScores(branches, torch.zeros(batch, dtype=torch.int64), torch.arange(12).expand(batch, 12))
    empty = torch.empty(0, dtype=torch.int64)
    neighbors = dict.fromkeys(permutations(branches.modalities, 2), SparseGraph.from_edges(empty, empty, (12, 12)))
    seen = PairSet(torch.empty(2, 0, dtype=torch.int64), 12)
    drawn = CrossModalSampler("hybrid", seen, neighbors).draw(pool, torch.full((batch,), 11), seeded())
    for direction, top in ((("visual", "textual"), [2, 3, 4, 5]), (("textual", "visual"), [0, 1, 2, 3])):
        count = torch.bincount(drawn[direction], minlength=12)
        assert count.nonzero().squeeze(1).tolist() == top
        assert bool(((count[top] - batch / 4).abs() < 5 * (batch * 0.25 * 0.75) ** 0.5).all())


@pytest.mark.parametrize("form", ["pool", "graph", "hybrid"])
def test_pairs_to_avoid_are_never_drawn_while_another_candidate_is_left(form):
    world = World(size=12)
    unguarded = world.sampler(form).draw(world.pool, world.positives, seeded())
    avoid = torch.cat([torch.stack([world.positives, items]) for items in unguarded.values()], dim=1)
    avoided = set(zip(*avoid.tolist(), strict=True))
    sampler = world.sampler(form, avoid=PairSet(avoid, ITEMS))
    drawn = sampler.draw(world.pool, world.positives, seeded())
    in_avoided = first = 0
    for items in drawn.values():
        batch = zip(world.positives.tolist(), world.items[:, 0].tolist(), items.tolist(), strict=True)
        for positive, stand_in, item in batch:
            in_avoided += (positive, item) in avoided
            first += (positive, item) in avoided and item == stand_in
    assert in_avoided == first <= sampler.fallbacks < sampler.draws / 2


@pytest.mark.parametrize("form", ["graph", "hybrid"])
def test_draws_are_reproducible_from_a_generator_and_differ_between_seeds(world, form):
    sampler = world.sampler(form)
    first, again, other = (sampler.draw(world.pool, world.positives, seeded(seed)) for seed in (0, 0, 1))
    for direction in first:
        assert torch.equal(first[direction], again[direction])
        assert not torch.equal(first[direction], other[direction])


def value_of(world, choice, a, b, user, positive, pool, j):
    """What a choice wants to be large, from the full score matrices; None where a candidate is not considered."""
    s_a, s_b = float(world.score[a][user, j]), float(world.score[b][user, j])
    if choice == "confused":
        return s_a
    if choice == "separable":
        best = float(world.score[b][user, positive])
        return s_a if s_b < best or all(float(world.score[b][user, k]) >= best for k in pool) else None
    of_pool = {m: world.score[m][world.users.unsqueeze(1), world.items].double() for m in (a, b)}
    z_a, z_b = (s / float(of_pool[m].std(correction=0)) for m, s in ((a, s_a), (b, s_b)))
    return z_a - z_b if choice == "disagree" else z_a + z_b


@pytest.mark.parametrize("modalities", [("visual", "textual"), ("visual", "textual", "audio")])
@pytest.mark.parametrize("choice", ["confused", "disagree", "separable", "both"])
def test_every_choice_takes_the_candidate_of_the_pool_that_it_wants(modalities, choice):
    world = World(modalities)
    for m, scale in zip(modalities, (1.0, 20.0, 0.1), strict=False):  # branches differ in scale
        world.branches.items(m).mul_(scale)
        world.score[m] *= scale
    drawn = world.sampler("pool", choice=choice).draw(world.pool, world.positives)
    considered = 0
    for (a, b), items in drawn.items():
        batch = zip(world.users.tolist(), world.positives.tolist(), world.items.tolist(), strict=True)
        for (user, positive, pool), item in zip(batch, items.tolist(), strict=True):
            values = {j: value_of(world, choice, a, b, user, positive, pool, j) for j in pool}
            values = {j: value for j, value in values.items() if value is not None}
            considered += len(values)
            assert values[item] == pytest.approx(max(values.values()), abs=1e-5)
    everything = sum(len(set(pool)) for pool in world.items.tolist()) * len(drawn)
    assert considered < everything if choice == "separable" else considered == everything


@pytest.mark.parametrize("choice", ["disagree", "separable", "both"])
def test_every_choice_differs_from_the_method_and_looks_at_both(world, choice):
    usual, other = (world.sampler("pool", choice=c).draw(world.pool, world.positives) for c in ("confused", choice))
    for direction in usual:
        assert not torch.equal(usual[direction], other[direction])
    symmetric = torch.equal(*other.values())
    assert symmetric == (choice == "both")


@pytest.mark.parametrize("choice", ["disagree", "separable", "both"])
def test_a_choice_among_many_draws_of_the_list_takes_what_it_wants_of_all_unseen(choice):
    world = World(size=400)
    sampler = world.sampler("graph", choice=choice)
    for (a, b), items in sampler.draw(world.pool, world.positives, seeded()).items():
        batch = zip(world.users.tolist(), world.positives.tolist(), world.items.tolist(), strict=True)
        for (user, positive, pool), item in zip(batch, items.tolist(), strict=True):
            unseen = [j for j in world.listed(a, b, positive) if (user, j) not in world.seen]
            values = {j: value_of(world, choice, a, b, user, positive, unseen, j) for j in unseen}
            values = {j: value for j, value in values.items() if value is not None}
            if unseen:
                assert values[item] == pytest.approx(max(values.values()), abs=1e-5)
            else:
                assert item == pool[0]


@pytest.mark.parametrize(
    ("choice", "top"), [("confused", [4, 5, 6, 7]), ("disagree", [0, 4, 6, 7]), ("both", [1, 3, 5, 7])]
)
def test_hybrid_draws_uniformly_among_the_four_that_the_choice_ranks_highest(choice, top):
    # The lists are empty: the candidates are the first half of the pool, items 0 to 7. B's scores are much larger.
    a = torch.arange(16.0)
    b = 100 * torch.tensor([0.0, 9, 7, 8, 3, 9, 5, 5] * 2)
    branches = Branches(
        {"visual": torch.ones(1, 1), "textual": torch.ones(1, 1)},
        {"visual": a.unsqueeze(1), "textual": b.unsqueeze(1)},
        ("visual", "textual"),
        ConcatFusion(),
    )
    batch = 4000
    pool = PairScores(branches, torch.zeros(batch, dtype=torch.int64), torch.arange(16).expand(batch, 16))
    empty = torch.empty(0, dtype=torch.int64)
    neighbors = dict.fromkeys(permutations(branches.modalities, 2), SparseGraph.from_edges(empty, empty, (16, 16)))
    sampler = CrossModalSampler("hybrid", PairSet(torch.empty(2, 0, dtype=torch.int64), 16), neighbors, choice=choice)
    drawn = sampler.draw(pool, torch.full((batch,), 15), seeded())["visual", "textual"]
    z_a, z_b = a / a.std(), b / b.std()
    value = {"confused": a, "disagree": z_a - z_b, "both": z_a + z_b}[choice][:8]
    assert value.topk(4).indices.sort().values.tolist() == top
    count = torch.bincount(drawn, minlength=16)
    assert count.nonzero().squeeze(1).tolist() == top
    assert bool(((count[top] - batch / 4).abs() < 5 * (batch * 0.25 * 0.75) ** 0.5).all())


def closeness_of(world, missing=None, delta=0.0):
    """Random features, and what is close in them."""
    result = {}
    for seed, m in enumerate(world.modalities):
        x = torch.randn(ITEMS, 4, generator=seeded(40 + seed))
        lacks = torch.zeros(ITEMS, dtype=torch.bool) if missing is None or m not in missing else missing[m]
        x[lacks] = 0
        result[m] = Closeness(knn_graph(x, 5, missing=lacks), x, lacks, delta=delta)
    return result


@pytest.mark.parametrize("lacking", [None, "visual"])
def test_far_takes_what_the_choice_wants_of_the_items_that_are_different_in_both(lacking):
    world = World(("visual", "textual", "audio"), size=8)
    missing = {lacking: torch.rand(ITEMS, generator=seeded(5)) < 0.3} if lacking else None
    far = closeness_of(world, missing)
    sampler = world.sampler("pool", far=far)
    fallbacks = dropped = 0
    for (a, b), items in sampler.draw(world.pool, world.positives).items():
        batch = zip(world.users.tolist(), world.positives.tolist(), world.items.tolist(), strict=True)
        for (user, positive, pool), item in zip(batch, items.tolist(), strict=True):
            one = torch.tensor([positive])
            left = [j for j in pool if all(bool(far[m].different(one, torch.tensor([j]))) for m in (a, b))]
            dropped += len(pool) - len(left)
            fallbacks += not left
            assert item == max(left, key=lambda j, user=user, a=a: world.score[a][user, j], default=pool[0])
    assert dropped > 0 and 0 < sampler.fallbacks == fallbacks < sampler.draws


def test_one_modality_has_no_direction_and_nothing_is_drawn(world):
    branches = Branches({"visual": torch.ones(2, 1)}, {"visual": torch.ones(3, 1)}, ("visual",), ConcatFusion())
    pool = PairScores(branches, torch.tensor([0]), torch.tensor([[1, 2]]))
    assert world.sampler("pool").draw(pool, torch.tensor([0])) == {}


def test_moving_moves_every_part_and_keeps_the_draws(world):
    avoid = PairSet(torch.tensor([[0], [1]]), ITEMS)
    far = closeness_of(world)
    sampler = world.sampler("graph", avoid=avoid, far=far)
    before = sampler.draw(world.pool, world.positives, seeded())
    assert sampler.to("cpu") is sampler
    after = sampler.draw(world.pool, world.positives, seeded())
    assert all(torch.equal(before[d], after[d]) for d in before)
    sampler.to("meta")
    graphs = (graph.weight for graph in sampler.neighbors.values())
    moved = (*graphs, avoid.keys, *(closeness.missing for closeness in far.values()))
    assert {tensor.device.type for tensor in (*moved, sampler.seen.keys)} == {"meta"}


def test_columns_are_drawn_from_the_rows_asked_for_all_equally_likely():
    graph = SparseGraph.from_edges(torch.tensor([0, 0, 0, 2]), torch.tensor([1, 4, 2, 3]), (4, 5))
    rows, n = torch.tensor([2, 0, 1, 0]), 6000
    columns, ptr = draw_from_rows(graph, rows, n, seeded())
    assert ptr.tolist() == [0, n, 2 * n, 2 * n, 3 * n]
    counts = [torch.bincount(columns[ptr[i] : ptr[i + 1]], minlength=5) for i in range(4)]
    assert counts[0].tolist() == [0, 0, 0, n, 0]
    for count in (counts[1], counts[3]):
        assert count[[0, 3]].tolist() == [0, 0]
        assert bool(((count[[1, 2, 4]] - n / 3).abs() < 5 * (n * 2 / 9) ** 0.5).all())
