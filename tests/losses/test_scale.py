import pytest
import torch

from brmrs_graph.losses import spread


def test_is_the_standard_deviation_of_the_population_without_a_gradient() -> None:
    values = torch.tensor([[1.0, 2.0], [4.0, 9.0]], requires_grad=True)
    result = spread(values)
    assert float(result) == pytest.approx((sum((x - 4) ** 2 for x in (1, 2, 4, 9)) / 4) ** 0.5)
    assert not result.requires_grad and result.shape == ()


@pytest.mark.parametrize(("values", "expected"), [([], 1.0), ([5.0], 1.0), ([5.0, 5.0], 1e-6), ([0.0, 1e-9], 1e-6)])
def test_few_or_equal_values_give_a_number_that_divides(values: list[float], expected: float) -> None:
    assert float(spread(torch.tensor(values))) == pytest.approx(expected)
