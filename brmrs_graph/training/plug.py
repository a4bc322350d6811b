"""Plugging the method's losses into the objective of any model with unimodal branches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import Recommender, model_class, model_names
from brmrs_graph.training.objective_config import ObjectiveConfig
from brmrs_graph.training.presets import objective_preset

PLUGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "chns": (
        "items that one modality confuses with the positive train the other ones",
        ("chns", "curriculum", "neighbors", "delta", "avoid"),
    ),
    "synergy": (
        "the fused score must separate by more than any single modality",
        ("synergy", "theta"),
    ),
}
"""Name -> (what it adds, the beginnings of the names of its fields in :class:`ObjectiveConfig`).

The pool of candidates is nobody's: it serves the hard negatives of the fused score as well.
"""


def plug(config: ObjectiveConfig, names: Iterable[str]) -> ObjectiveConfig:
    """Adds losses of the method to an objective, with the weights and forms that the preset ``default`` gives them.

    Everything else stays as it is, so that the objective's and the model's own terms are those of before.

    Args:
        config: The objective to which they are added.
        names: Names in :data:`PLUGS`, in any order.

    Raises:
        ConfigError: If there is no such loss.
    """
    names = set(names)
    if unknown := names - PLUGS.keys():
        raise ConfigError(f"'{', '.join(sorted(unknown))}' cannot be plugged in; choose among {', '.join(PLUGS)}")
    default = objective_preset("default")
    beginnings = tuple(beginning for name in names for beginning in PLUGS[name][1])
    added = {field.name: getattr(default, field.name) for field in fields(config) if field.name.startswith(beginnings)}
    return replace(config, **added)


def require_branches(model: Recommender) -> None:
    """Checks that a model has something that the losses of the method can train.

    Raises:
        ConfigError: If nothing in it is trained, or it has fewer than two unimodal branches.
    """
    name, modalities = type(model).__name__, model.modalities
    if not any(True for _ in model.parameters()):
        lack = f"nothing in {name} is trained"
    elif len(modalities) < 2:
        lack = f"{name} has {f'only {modalities[0]}' if modalities else 'none'}"
    else:
        return
    raise ConfigError(
        f"what --plug adds trains unimodal branches, two at least, but {lack}; leave it out, or take data with two "
        f"modalities and a model that has a branch for each: {', '.join(_with_branches())}"
    )


def _with_branches() -> list[str]:
    # That it is trained, a class tells only by having free vectors to decay.
    classes = {name: model_class(name) for name in model_names()}
    trained = {name for name, kind in classes.items() if kind.batch_parameters is not Recommender.batch_parameters}
    return [name for name, kind in classes.items() if kind.needs_content and name in trained]
