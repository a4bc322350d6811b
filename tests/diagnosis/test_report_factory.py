"""The made-up diagnoses, on which the tests of the report rest, against real ones."""

import copy
import json
from typing import Any

import pytest

from tests.diagnosis.diagnoses import HOSTILE, make_diagnosis, measured_diagnosis

THREE = ("visual", "textual", "acoustic")


def shape(part: Any) -> Any:
    """The keys of a diagnosis at every depth; lists by their first entry, estimates whether measured or not."""
    if part is None or (isinstance(part, dict) and "value" in part):
        return "estimate"
    if isinstance(part, dict):
        return {key: shape(value) for key, value in part.items() if key not in ("options", "why_not")}
    if isinstance(part, list):
        return [shape(part[0])] if part else []
    return float if type(part) is int else type(part)


@pytest.mark.parametrize("null", [0.0, 0.5, 1.0])
def test_a_diagnosis_is_valid_json_and_repeats(null: float) -> None:
    made = make_diagnosis(3, THREE, null=null, text=HOSTILE)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made == make_diagnosis(3, THREE, null=null, text=HOSTILE)


@pytest.mark.parametrize("modalities", [("a", "b"), THREE])
def test_a_made_up_model_has_the_parts_of_a_real_one(modalities: tuple[str, ...]) -> None:
    real, made = copy.deepcopy(measured_diagnosis(modalities)), make_diagnosis(1, modalities)
    assert set(real) == set(made)
    for part in ("dataset", "cases"):
        assert set(real[part]) == set(made[part])
    real_model, made_model = real["models"][0], made["models"][0]
    for part in ("by_user_degree", "by_item_degree"):  # the bins themselves depend on the data
        real_model[part], made_model[part] = (
            {name: shape(next(iter(bins.values()))) for name, bins in model[part].items()}
            for model in (real_model, made_model)
        )
    assert shape(real_model) == shape(made_model)
