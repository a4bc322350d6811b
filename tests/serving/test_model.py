import pickle
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError, DataError, TrainingError
from brmrs_graph.evaluation import rank
from brmrs_graph.models import create_model, model_config
from brmrs_graph.serving import KeptData, TrainedModel
from brmrs_graph.serving.model import Answer

Ask = Callable[[TrainedModel, list[str]], Answer]

QUESTIONS: dict[str, tuple[str, Callable[..., Answer]]] = {
    "recommend": ("user_ids", lambda model, ids: model.recommend(ids, 7)),
    "among": ("user_ids", lambda model, ids: model.recommend(ids, 7, items=model.item_ids[20:90])),
    "similar_items": ("item_ids", lambda model, ids: model.similar_items(ids, 7)),
    "similar_users": ("user_ids", lambda model, ids: model.similar_users(ids, 7)),
    "recommend_for": (
        "item_ids",
        lambda model, ids: model.recommend_for([ids, "007"] if isinstance(ids, str) else [[x, "007"] for x in ids], 7),
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_one_answer_does_not_depend_on_the_others(name: str, model: TrainedModel) -> None:
    side, ask = QUESTIONS[name]
    asked = list(np.random.default_rng(0).permutation(np.array(getattr(model, side), dtype=object)))
    whole, scores = ask(model, asked)
    assert whole.shape == scores.shape == (len(asked), 7) and scores.dtype == np.float32
    for rows in (range(1), range(30, 93), range(64, 128), range(99, 100), range(70, 150)):
        some, their_scores = ask(model, [asked[row] for row in rows])
        assert some.tolist() == whole[rows].tolist() and their_scores.tobytes() == scores[rows].tobytes()
    one, its_scores = ask(model, asked[70])
    assert one.shape == (7,) and one.tolist() == whole[70].tolist()
    assert its_scores.tobytes() == scores[70].tobytes()


def test_recommendations_are_the_ranking_of_the_evaluation(model: TrainedModel, data: MultimodalDataset) -> None:
    for branch in model.names:
        ranking = rank(model.branches, data.train, data.test, k=20, names=(branch,))[branch]
        ids, scores = model.recommend([data.user_ids[user] for user in ranking.users], 20, branch)
        assert ids.tolist() == [[data.item_ids[item] for item in row] for row in ranking.items]
        pairs = model.score(np.repeat([data.user_ids[user] for user in ranking.users], 20), ids.reshape(-1), branch)
        np.testing.assert_allclose(scores.reshape(-1), pairs, rtol=1e-5, atol=1e-6)


def test_seen_items_come_back_only_if_they_are_wanted(model: TrainedModel) -> None:
    user = model.user_ids[3]
    seen = {model.item_ids[item] for item in model.kept.train[[3]].indices}
    everything, _ = model.recommend(user, 200)
    assert set(everything[:194]) == set(model.item_ids) - seen
    assert everything[194:].tolist() == [None] * 6, "never filled with seen ones"
    assert set(model.recommend(user, 200, filter_seen=False)[0]) == set(model.item_ids)


def test_candidates_may_be_restricted(model: TrainedModel) -> None:
    seen = [model.item_ids[item] for item in model.kept.train[[3]].indices]
    unseen = [item for item in model.item_ids if item not in seen]
    ids, scores = model.recommend(model.user_ids[3], 10, items=[*unseen[50:54], *seen, unseen[50]])
    assert ids.shape == (10,), "ten candidates, of which six are seen, and one is named twice"
    order = [item for item in model.recommend(model.user_ids[3], 200)[0] if item in unseen[50:54]]
    assert ids.tolist() == [*order, *[None] * 6]
    assert np.isneginf(scores[4:]).all() and np.isfinite(scores[:4]).all()
    assert model.recommend(model.user_ids[:2], 10, items=unseen[:3])[0].shape == (2, 3), "no more columns than items"
    assert model.recommend(model.user_ids[3], items=[])[0].shape == (0,)


def test_similar_ones_have_the_largest_cosines_and_are_others(dense: TrainedModel) -> None:
    for side, ask in (("items", dense.similar_items), ("users", dense.similar_users)):
        ids = getattr(dense, f"{side[:-1]}_ids")
        x = getattr(dense.branches, side)("visual").numpy()
        cosine = x[17] @ x.T / np.maximum(np.linalg.norm(x[17]) * np.linalg.norm(x, axis=1), 1e-12)
        cosine[17] = -2
        found, given = ask(ids[17], 5, "visual")
        assert found.tolist() == [ids[place] for place in np.argsort(-cosine)[:5]]
        np.testing.assert_allclose(given, np.sort(cosine)[::-1][:5], rtol=1e-5)


def test_an_equal_item_is_similar_and_one_without_a_vector_to_none(dense: TrainedModel) -> None:
    first, cosines = dense.similar_items([dense.item_ids[30], dense.item_ids[40]], 1, "visual")
    assert first[0, 0] == dense.item_ids[31] and cosines[0, 0] == pytest.approx(1)
    assert first[1, 0] is None and np.isneginf(cosines[1, 0])
    ids, cosines = dense.similar_items(dense.item_ids[40], 5, "visual")
    assert set(ids) == {None} and np.isneginf(cosines).all()
    assert dense.explain("007", dense.item_ids[40]).branches["visual"].nearest == ()
    assert dense.similar_items(dense.item_ids[30], 1000)[0].shape == (199,)


def test_new_users_are_answered_like_those_who_took_the_same(sparse: TrainedModel, data: MultimodalDataset) -> None:
    taken = [[data.item_ids[item] for item in data.train[[user]].indices] for user in (3, 8)]
    new, known = sparse.recommend_for(taken, 9), sparse.recommend([data.user_ids[3], data.user_ids[8]], 9)
    assert new[0].tolist() == known[0].tolist() and new[1].tobytes() == known[1].tobytes()


def test_items_of_new_users_count_once_in_any_order_and_are_left_out(dense: TrainedModel) -> None:
    taken = list(dense.item_ids[:4])
    ids, scores = dense.recommend_for(taken, 200)
    again, same = dense.recommend_for([*reversed(taken), taken[0]], 200)
    assert again.tolist() == ids.tolist() and np.array_equal(same, scores)
    assert set(ids[:196]) == set(dense.item_ids[4:])
    assert set(dense.recommend_for(taken, 200, filter_seen=False)[0]) == set(dense.item_ids)
    assert dense.recommend_for([], 3)[0].shape == (3,) and dense.recommend_for([[], taken], 3)[0].shape == (2, 3)


def test_scores_of_pairs(model: TrainedModel) -> None:
    users, items = model.user_ids[:5], model.item_ids[7:12]
    expected = model.branches.score_all(FUSED, torch.arange(5))[:, 7:12].numpy()
    np.testing.assert_allclose(model.score(users, items), expected.diagonal(), rtol=1e-5)
    np.testing.assert_allclose(model.score(users[2], items), expected[2], rtol=1e-5)
    np.testing.assert_allclose(model.score(users, items[1]), expected[:, 1], rtol=1e-5)
    with pytest.raises(ConfigError, match="5 users and 3 items"):
        model.score(users, items[:3])


def test_an_explanation_says_what_every_branch_ranks(model: TrainedModel) -> None:
    user = model.user_ids[5]
    liked = [model.item_ids[item] for item in model.kept.train[[5]].indices]
    for branch in model.names:
        ids, scores = model.recommend(user, 40, branch)
        for place in (0, 9, 39):
            told = model.explain(user, ids[place], n=10)
            view = told.branches[branch]
            assert not told.seen and view.rank == place + 1 and view.score == scores[place]
            assert view.margin == pytest.approx(float(scores[place] - scores[9]))
            assert (view.margin >= 0) == (place < 10)
            cosine = dict(zip(*model.similar_items(ids[place], 199, branch), strict=True))
            largest = [x for x in sorted((float(cosine[item]) for item in liked), reverse=True)[:3] if x]
            assert all(cosine[item] == pytest.approx(value, abs=1e-6) for item, value in view.nearest)
            assert {item for item, _ in view.nearest} <= set(liked)
            assert [value for _, value in view.nearest] == pytest.approx(largest, abs=1e-6)


def test_a_seen_item_is_explained_as_if_it_was_not_and_the_text_says_so(model: TrainedModel) -> None:
    user, item = model.user_ids[5], model.item_ids[model.kept.train[[5]].indices[0]]
    told = model.explain(user, item)
    assert told.seen and "a training item" in str(told)
    better = (model.recommend(user, 200)[1] > told.branches[FUSED].score).sum()
    assert told.branches[FUSED].rank == better + 1
    assert all(name != item for name, _ in told.branches[FUSED].nearest)
    assert all(f"{branch}: rank" in str(told) for branch in model.names)


def test_a_user_without_items_is_explained_too(model: TrainedModel) -> None:
    told = model.explain(model.user_ids[-1], model.item_ids[0])
    assert told.branches[FUSED].nearest == () and "none" in str(told)


@pytest.mark.parametrize("name", ["brmrs", "pgl", "freedom"])
@pytest.mark.parametrize("layers", [1, 2])
def test_paths_bring_exactly_what_the_item_graph_adds_to_the_score(
    name: str, layers: int, data: MultimodalDataset
) -> None:
    trained, without = (create_model(name, data, model_config(name)(item_layers=n), seed=3) for n in (layers, 0))
    for model in (trained, without):
        model.eval()
    paths, first = trained.item_paths(), create_model(name, data, model_config(name)(), seed=3).item_paths()
    assert paths is not None and without.item_paths() is None
    with torch.no_grad():
        model = TrainedModel(trained(), KeptData.of(data), paths)
        plain = without()
    user, item = 5, 9
    told = model.explain(model.user_ids[user], model.item_ids[item], nearest=1000)
    row = trained.item_graph.to_dense()[item]
    assert {path.neighbor for path in told.paths} == {model.item_ids[j] for j in row.nonzero()[:, 0] if j != item}
    assert sorted(told.paths, key=lambda path: -path.brings[FUSED]) == list(told.paths)
    for path in told.paths:
        place = model.item_ids.index(path.neighbor)
        assert path.weight == float(row[place]) and path.taken == bool(data.train[user, place])
    for branch, h in paths.items.items():
        pair = torch.tensor([user]), torch.tensor([item])
        added = float(model.branches.score(branch, *pair) - plain.score(branch, *pair))
        if name != "brmrs":  # without layers these add the vectors themselves
            added += float(plain.users(branch)[user] @ first.items[branch][item].detach())
        loop = float(row[item] * (h[item].detach() @ model.branches.users(branch)[user]))
        assert sum(path.brings[branch] for path in told.paths) + loop == pytest.approx(added, abs=1e-5)
    strongest = model.explain(model.user_ids[user], model.item_ids[item], nearest=2)
    assert strongest.paths == told.paths[:2] and f"graph: {told.paths[0].neighbor} (" in str(strongest)


def test_unknown_ids_are_refused_by_every_question(model: TrainedModel) -> None:
    for _, ask in QUESTIONS.values():
        with pytest.raises(DataError, match=r"2 of the (user|item) ids are unknown to the model: 'nobody', 7;"):
            ask(model, ["nobody", 7, "007", "nobody"])
    for people, named in (
        ([7], "7"),
        (7, "7"),
        (None, "None"),
        ([["7"], "007"], r"\['7'\]"),
        (iter(["gone"]), "'gone'"),
    ):
        with pytest.raises(DataError, match=f"unknown to the model: {named};"):
            model.recommend_for(people)
    with pytest.raises(DataError, match="'gone'"):
        model.recommend("007", items=["gone"])
    with pytest.raises(DataError, match="'gone'"):
        model.explain("007", "gone")


def test_branches_and_numbers_that_cannot_be_are_refused(model: TrainedModel) -> None:
    for ask in (model.recommend, model.similar_items, model.similar_users, model.recommend_for):
        with pytest.raises(ConfigError, match=r"no branch 'sound'; choose among visual.*fused"):
            ask("007", branch="sound")
        with pytest.raises(ConfigError, match="n is 0"):
            ask("007", n=0)
        for n in (2.5, "5", True, None):
            with pytest.raises(ConfigError, match=r"n is .*; give a whole number"):
                ask("007", n=n)
    with pytest.raises(ConfigError, match="n is -1"):
        model.explain("007", "007", n=-1)
    with pytest.raises(ConfigError, match="nearest is 0"):
        model.explain("007", "007", nearest=0)


def test_the_rank_compared_with_is_one_that_there_is(model: TrainedModel) -> None:
    told = model.explain("u3", "007", n=10**7)
    left = 200 - model.kept.train[model.user_ids.index("u3")].nnz
    assert told.n == left and f"against rank {left}" in str(told)


def test_a_model_can_be_sent_to_another_process(model: TrainedModel) -> None:
    expected = model.recommend_for(["007"], 3), model.similar_items("007", 3)
    for copy in (pickle.loads(pickle.dumps(model)), deepcopy(model)):
        for (ids, scores), (same, again) in zip(
            expected, (copy.recommend_for(["007"], 3), copy.similar_items("007", 3)), strict=True
        ):
            assert ids.tolist() == same.tolist() and scores.tobytes() == again.tobytes()


def test_vectors_that_are_not_finite_are_refused(data: MultimodalDataset, dense: TrainedModel) -> None:
    users = dense.branches.users().clone()
    users[3, 0] = torch.nan
    with pytest.raises(TrainingError, match="'fused' are not finite"):
        TrainedModel(Branches({FUSED: users}, {FUSED: dense.branches.items()}), KeptData.of(data))
