import pytest
import torch

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.models import Recommender, create_model, model_config
from brmrs_graph.models.base import embedding


class Holder(Recommender):
    def __init__(self) -> None:
        super().__init__()
        edge = torch.tensor([0, 1])
        self.weight = embedding(3, 2)
        self.graph = SparseGraph.from_edges(edge, edge, (2, 2))


def test_graphs_move_with_the_module() -> None:
    model = Holder().to("meta")
    assert model.weight.device.type == model.graph.device.type == "meta"
    assert model.graph.indptr.device.type == model.graph.indices.device.type == "meta"


def test_graphs_take_the_precision_of_the_module_and_keep_integer_indices() -> None:
    model = Holder().double()
    assert model.graph.weight.dtype == torch.float64
    assert model.graph.indices.dtype == model.graph.indptr.dtype == torch.int32


def test_graphs_are_no_parameters_and_no_state() -> None:
    model = Holder()
    assert list(model.state_dict()) == ["weight"]
    assert [name for name, _ in model.named_parameters()] == ["weight"]


def test_embeddings_are_xavier_uniform() -> None:
    table = embedding(300, 100)
    bound = (6 / 400) ** 0.5
    assert isinstance(table, torch.nn.Parameter) and table.shape == (300, 100)
    assert 0.99 * bound < float(table.detach().abs().max()) <= bound
    assert float(table.detach().square().mean()) == pytest.approx(bound**2 / 3, rel=0.05)


def test_a_base_model_has_no_free_rows_and_no_forward() -> None:
    model = Recommender()
    assert model.batch_parameters(torch.tensor([0]), torch.tensor([0])) == []
    with pytest.raises(NotImplementedError):
        model()


@pytest.mark.parametrize("name", ["id", "fused", "items", "clip.v2"])
@pytest.mark.parametrize("model", ["brmrs", "vbpr"])
def test_a_modality_name_that_models_cannot_hold_is_named(name: str, model: str, make_data) -> None:
    data = make_data(modalities=("visual", name))
    with pytest.raises(ConfigError, match=f"cannot be called '{name}'"):
        create_model(model, data)


@pytest.mark.parametrize("model", ["brmrs", "vbpr", "lightgcn", "bprmf"])
def test_a_width_that_is_not_positive_is_named(model: str, make_data) -> None:
    with pytest.raises(ConfigError, match=r"model\.dim is 0"):
        create_model(model, make_data(), model_config(model)(dim=0))
