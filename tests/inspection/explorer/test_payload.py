import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.evaluation import rank
from brmrs_graph.graphs import knn_graph
from brmrs_graph.inspection import inconsistency
from brmrs_graph.inspection.explorer import ExplorerConfig, Payload, explorer_payload
from brmrs_graph.sampling import Closeness
from brmrs_graph.sparse_branches import SparseBranches

from ...conftest import MakeData
from .decoding import lines_of, numbers_of, rows_of

CONFIG = ExplorerConfig(neighbors=5, top=7, users=1000)


@pytest.fixture(scope="module")
def payload(data: MultimodalDataset, branches: Branches) -> Payload:
    return explorer_payload(data, branches, CONFIG)


def lists(data: MultimodalDataset, split: str) -> list[list[int]]:
    matrix = data.split(split).toarray()
    return [np.flatnonzero(row).tolist() for row in matrix if row.any()]


def test_graphs_are_the_nearest_by_content_and_by_what_was_learned(
    payload: Payload, data: MultimodalDataset, branches: Branches
) -> None:
    expected = {f"content/{m}": knn_graph(x, 5, missing=data.missing[m]) for m, x in data.features.items()}
    expected |= {f"learned/{name}": knn_graph(branches.items(name), 5) for name in branches.names}
    for name, graph in expected.items():
        rows = rows_of(payload.blocks[f"{name}/degree"], payload.blocks[f"{name}/items"])
        assert rows == [part.tolist() for part in graph.col.split(graph.degree().tolist())]
    assert (payload.meta["content"], payload.meta["learned"]) == (
        ["visual", "textual"],
        ["fused", "visual", "textual"],
    )


def test_users_have_their_splits_rankings_scores_and_places(
    payload: Payload, data: MultimodalDataset, branches: Branches
) -> None:
    blocks = payload.blocks
    for split in ("train", "valid", "test"):
        assert rows_of(blocks[f"users/{split}/degree"], blocks[f"users/{split}/items"]) == lists(data, split)
    assert lines_of(blocks["users/ids"]) == [str(user) for user in range(data.num_users - 1)], "the last took nothing"
    places = numbers_of(blocks["users/places"]).reshape(len(branches.names), -1)
    for row, (name, ranking) in enumerate(rank(branches, data.train, data.test, 7, branches.names).items()):
        top = numbers_of(blocks[f"users/{name}/top"]).reshape(-1, 7)
        np.testing.assert_array_equal(top, ranking.items)
        scores = numbers_of(blocks[f"users/{name}/scores"]).reshape(-1, 7)
        np.testing.assert_allclose(scores, branches.score(name, ranking.users, ranking.items), rtol=1e-3)
        assert (places[row] <= 7).sum() == ranking.hits.sum()
    assert payload.meta["ranked"] == list(branches.names)


def test_items_are_scored_by_how_differently_modalities_see_them(payload: Payload, data: MultimodalDataset) -> None:
    near = {m: knn_graph(x, 5, missing=data.missing[m]) for m, x in data.features.items()}
    close = {m: Closeness(graph, data.features[m], data.missing[m]) for m, graph in near.items()}
    expected = inconsistency(near["visual"], near["textual"], close["visual"], close["textual"]).score
    np.testing.assert_allclose(numbers_of(payload.blocks["items/inconsistency"]), expected, rtol=1e-6)
    assert expected.isnan().any() and not expected.isnan().all()


def test_the_users_of_the_lists_are_in_the_page_whatever_the_limit(
    payload: Payload, data: MultimodalDataset, branches: Branches
) -> None:
    small = explorer_payload(data, branches, replace(CONFIG, users=0, cases=3))
    shown = lines_of(small.blocks["users/ids"])
    assert small.meta["cases"] == payload.meta["cases"] and all(payload.meta["cases"].values())
    for name in ("rescued", "hurt"):
        users, items = (numbers_of(small.blocks[f"cases/{name}/{part}"]) for part in ("users", "items"))
        everyone, every_item = (numbers_of(payload.blocks[f"cases/{name}/{part}"]) for part in ("users", "items"))
        assert users.size == 3 and items.tolist() == every_item[:3].tolist()
        assert [shown[user] for user in users] == [str(user) for user in everyone[:3]]
        assert all(data.test[int(shown[user]), item] for user, item in zip(users, items, strict=True))
    assert len(shown) == small.meta["shown_users"] <= 6


def test_the_limit_of_users_is_filled_at_even_distances(data: MultimodalDataset, branches: Branches) -> None:
    some = explorer_payload(data, branches, replace(CONFIG, users=12, cases=0))
    shown = [int(user) for user in lines_of(some.blocks["users/ids"])]
    assert len(shown) == 12 and np.diff(shown).min() >= 4


def test_texts_are_tidied_and_cut(data: MultimodalDataset, branches: Branches) -> None:
    texts = ["A nice jumper. Warm\nand soft, and more of it that is long."] + [""] * (data.num_items - 1)
    told = explorer_payload(replace(data, texts=texts), branches, replace(CONFIG, characters=20))
    assert lines_of(told.blocks["items/titles"])[0] == "A nice jumper"
    assert lines_of(told.blocks["items/texts"])[0] == "Warm and soft, and…"


def test_the_same_input_gives_the_same_payload(payload: Payload, data: MultimodalDataset, branches: Branches) -> None:
    again = explorer_payload(data, branches, CONFIG)
    assert again.blocks == payload.blocks and json.dumps(again.meta) == json.dumps(payload.meta)


def test_any_number_of_modalities_has_a_page(make_data: MakeData) -> None:
    for names in ((), ("visual",), ("visual", "textual", "sound")):
        data = make_data(names)
        tables = [{m: torch.randn(n, 3) for m in (*names, "fused")} for n in (data.num_users, data.num_items)]
        told = explorer_payload(data, Branches(*tables, names), CONFIG)
        assert told.meta["content"] == list(names)
        assert (
            ("items/inconsistency" in told.blocks)
            == (set(told.meta["cases"]) == {"rescued", "hurt"})
            == (len(names) > 1)
        )


def test_a_model_that_scores_by_neighbours_has_no_learned_graph(data: MultimodalDataset) -> None:
    from brmrs_graph.graphs import SparseGraph

    users, items = SparseGraph.from_scipy(data.train), knn_graph(data.features["visual"], 5)
    told = explorer_payload(data, SparseBranches({"fused": users}, {"fused": items}), CONFIG)
    assert told.meta["learned"] == [] and numbers_of(told.blocks["users/fused/top"]).size == 7 * (data.num_users - 1)


@pytest.mark.parametrize("change", [{"neighbors": 0}, {"neighbors": 256}, {"top": 0}, {"users": -1}])
def test_limits_out_of_range_are_refused(change: dict[str, int]) -> None:
    (name,) = change
    with pytest.raises(ConfigError, match=name):
        replace(CONFIG, **change)
