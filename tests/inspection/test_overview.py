from itertools import combinations

import numpy as np
import pytest
import torch

from brmrs_graph.inspection import agreement, graph_structure, inconsistency, item_graphs, movement, overview, union
from brmrs_graph.models import create_model
from brmrs_graph.sampling import Closeness


@pytest.fixture(scope="module")
def measured(make_data):
    data = make_data(("visual", "textual", "audio"), missing=0.2)
    model = create_model("brmrs", data)
    graphs = item_graphs(data, model(), 4, model=model)
    return data, graphs, overview(data, graphs)


def test_every_graph_and_every_two_are_measured_once(measured) -> None:
    data, graphs, found = measured
    named = graphs.named()
    assert list(found.structures) == list(named)
    assert list(found.agreements) == list(combinations(named, 2))
    assert list(found.inconsistencies) == list(combinations(data.modalities, 2))
    assert list(found.movements) == list(graphs.learned)
    assert found.structures["learned_fused"].summary() == graph_structure(named["learned_fused"]).summary()
    pair = ("frozen_textual", "propagated_mixed")
    assert found.agreements[pair].summary() == agreement(*(named[name] for name in pair)).summary()
    assert (
        found.movements["audio"].summary() == movement(union(graphs.frozen.values()), named["learned_audio"]).summary()
    )
    closeness = [Closeness(graphs.frozen[m], data.features[m], data.missing[m]) for m in ("visual", "audio")]
    expected = inconsistency(graphs.frozen["visual"], graphs.frozen["audio"], *closeness)
    torch.testing.assert_close(found.inconsistencies["visual", "audio"].score, expected.score, equal_nan=True)


def test_the_summary_has_a_line_for_each(measured) -> None:
    found = measured[2]
    lines = found.summary().splitlines()
    assert len(lines) == sum(map(len, (found.structures, found.agreements, found.inconsistencies, found.movements)))
    assert f"visual and audio: {found.inconsistencies['visual', 'audio'].summary()}" in lines


def test_the_table_has_a_row_per_item_and_nothing_where_a_modality_is_missing(measured) -> None:
    data, graphs, found = measured
    table = found.items()
    assert table["item_id"].tolist() == list(graphs.item_ids)
    lacking = (data.missing["visual"] | data.missing["textual"]).numpy()
    for column in ("inconsistency visual textual", "overlap frozen_visual frozen_textual"):
        assert np.array_equal(table[column].isna().to_numpy(), lacking)
    assert table["in-degree frozen_audio"].sum() == graphs.frozen["audio"].num_edges
    assert np.array_equal(table["kept fused"], found.movements["fused"].kept_share.numpy(), equal_nan=True)


def test_a_data_set_without_content_has_learned_graphs_alone(make_data) -> None:
    data = make_data(())
    model = create_model("lightgcn", data)
    found = overview(data, item_graphs(data, model(), 3, model=model))
    assert list(found.structures) == ["learned_fused"]
    assert not (found.agreements or found.inconsistencies or found.movements)
