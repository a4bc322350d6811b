import pytest

from brmrs_graph.data.boutique import (
    BoutiqueConfig,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"min_pairs": 2}, "min_pairs"),
        ({"max_pairs": 2000}, "max_pairs"),
        ({"n_styles": 0}, "n_styles"),
        ({"min_item_pairs": 5000}, "min_item_pairs"),
        ({"own_taste": 1.5}, "own_taste"),
        ({"text_empty_share": 0.95}, "shares"),
        ({"picture_blank_share": -0.1}, "shares"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoutiqueConfig(**change)  # type: ignore[arg-type]
