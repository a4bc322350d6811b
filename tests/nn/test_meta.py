import pytest
import torch

from brmrs_graph.errors import ConfigError
from brmrs_graph.nn import LowRankMetaNetwork


def softmax_of_rows(matrix: torch.Tensor) -> torch.Tensor:
    """Columns sum to 1."""
    weight = torch.exp(matrix)
    return weight / weight.sum(0)


def test_equals_one_matrix_per_row_written_out():
    torch.manual_seed(0)
    layer = LowRankMetaNetwork(4, 6, 3).double()
    x, knowledge = torch.randn(5, 4).double(), torch.randn(5, 6).double()
    state = layer.state_dict()
    k = knowledge @ state["compress.weight"].T + state["compress.bias"]

    def matrices(side: str, rows: int, cols: int) -> torch.Tensor:
        hidden = k @ state[f"{side}.0.weight"].T + state[f"{side}.0.bias"]
        hidden = torch.where(hidden > 0, hidden, state[f"{side}.1.weight"] * hidden)
        out = hidden @ state[f"{side}.2.weight"].T + state[f"{side}.2.bias"]
        out = (out / out.norm(dim=1, keepdim=True)).reshape(5, rows, cols)
        return out + out.mean(0)

    left, right = matrices("left", 4, 3), matrices("right", 3, 4)
    expected = [x[i] @ softmax_of_rows(left[i]) @ softmax_of_rows(right[i]) for i in range(5)]
    torch.testing.assert_close(layer(x, knowledge), torch.stack(expected))


def test_gradients_reach_every_parameter_and_the_rank_is_checked():
    layer = LowRankMetaNetwork(4, 6, 2)
    layer(torch.randn(5, 4), torch.randn(5, 6)).square().sum().backward()
    assert all(bool(x.grad.any()) for x in layer.parameters())
    assert repr(layer) == "LowRankMetaNetwork(dim=4, rank=2)"
    with pytest.raises(ConfigError, match="rank is 0"):
        LowRankMetaNetwork(4, 6, 0)
