from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_class, model_names
from brmrs_graph.training import PRESETS, ObjectiveConfig
from experiments.settings import ADDED_LATER, RunSettings, from_yaml, parse, parse_for, to_dict


def save(settings: RunSettings, path: Path) -> Path:
    path.write_text(yaml.safe_dump(to_dict(settings)))
    return path


def test_nothing_given_is_the_method_on_the_built_in_data() -> None:
    settings = parse([])
    assert (settings.dataset, settings.model, settings.objective, settings.seed) == (
        "boutique",
        "brmrs",
        "default",
        999,
    )
    assert settings.loss == PRESETS["default"][1]


@pytest.mark.parametrize("model", model_names())
def test_each_model_brings_its_options_and_its_own_objective(model: str) -> None:
    settings = parse(["--model", model])
    assert settings.objective == model_class(model).default_objective
    assert settings.loss == PRESETS[settings.objective][1]
    assert type(settings.options).__name__.lower().startswith(model)


@pytest.mark.parametrize("objective", PRESETS)
def test_an_objective_sets_the_losses_and_a_single_option_changes_one_of_them(objective: str) -> None:
    assert parse(["--objective", objective]).loss == PRESETS[objective][1]
    changed = to_dict(parse(["--loss.theta", "0.25", "--objective", objective]))["loss"]
    assert changed == to_dict(parse(["--objective", objective]))["loss"] | {"theta": 0.25}


def test_parse_for_takes_model_and_objective_as_given() -> None:
    settings = parse_for("lightgcn", "", ["--model.dim", "8"])
    assert (settings.model, settings.objective, settings.options.dim) == ("lightgcn", "bpr", 8)


def test_values_of_every_kind_are_read() -> None:
    places = ["--out", "runs/a", "--data-root", "None", "--resume", "--no-tensorboard"]
    model = ["--model.modalities", "textual", "tags", "--model.beta", "tags", "0.5", "--model.gate-scale", "2"]
    settings = parse([*places, *model])
    assert (settings.out, settings.resume, settings.tensorboard) == (Path("runs/a"), True, False)
    assert settings.data_root is None
    assert settings.options.modalities == ("textual", "tags")
    assert dict(settings.options.beta) == {"tags": 0.5}
    assert settings.options.gate_scale == 2.0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "mostpop"],
        ["--objective", "chns-graph", "--loss.delta", "0.5", "--train.lr", "3e-4", "--seed", "0"],
        ["--out", "a/b", "--data-root", "c", "--model.modalities", "visual", "--model.beta", "visual", "0.5"],
    ],
)
def test_settings_come_back_from_yaml_as_they_were(arguments: list[str], tmp_path: Path) -> None:
    settings = parse(arguments)
    back = from_yaml(save(settings, tmp_path / "config.yaml"))
    assert to_dict(back) == to_dict(settings)
    for part in ("out", "data_root", "train", "loss", "options"):
        assert getattr(back, part) == getattr(settings, part), part


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values | {"novelty": 1},
        lambda values: values | {"train": values["train"] | {"novelty": 1}},
        lambda values: {key: value for key, value in values.items() if key != "model"},
        lambda values: {key: value for key, value in values.items() if key != "out"},
        lambda values: values | {"options": None},
        lambda values: list(values),
        lambda values: None,
    ],
)
def test_a_configuration_that_does_not_fit_is_named(change: object, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(change(to_dict(parse([])))))  # type: ignore[operator]
    with pytest.raises(ConfigError) as caught:
        from_yaml(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", None])
def test_a_configuration_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        from_yaml(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("arguments", [["--seed", "4294967295"], ["--threads", "0"], ["--feature-dim", "1"]])
def test_the_ends_of_the_ranges_are_allowed(arguments: list[str]) -> None:
    assert isinstance(parse(arguments), RunSettings)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--seed", "4294967296"], "seed"),
        (["--threads", "-1"], "threads"),
        (["--feature-dim", "0"], "feature-dim"),
        (["--train.patience", "0"], "train.patience"),
        (["--train.lr-decay", "0"], "train.lr_decay"),
    ],
)
def test_what_is_out_of_range_is_named(arguments: list[str], name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        parse(arguments)


FIRST = {
    *("fused", "fused_negatives", "branch", "pool", "infonce", "temperature", "orthogonality", "weight_decay"),
    *("chns", "chns_form", "chns_assign", "chns_fused", "curriculum", "neighbors", "delta"),
    *("avoid_copurchased", "avoid_duplicates", "synergy", "synergy_form", "theta"),
}
"""The options of the losses that there were when the first runs were made."""


def test_what_was_added_later_is_not_written_while_it_has_its_default() -> None:
    values = to_dict(parse([]))
    assert values["loss"].keys() == FIRST, "or runs that were finished before would not be found again"
    assert not values.keys() & ADDED_LATER
    changed = to_dict(parse(["--loss.chns-choice", "disagree", "--corrupt", "textual:blanked:0.5"]))
    assert changed == values | {
        "loss": values["loss"] | {"chns_choice": "disagree"},
        "corrupt": "textual:blanked:0.5",
    }


@pytest.mark.parametrize("name", sorted(ADDED_LATER))
def test_every_option_that_was_added_later_is_one(name: str) -> None:
    *part, option = name.split(".")
    assert option in {field.name for field in fields({(): RunSettings, ("loss",): ObjectiveConfig}[tuple(part)])}


def test_what_was_added_later_comes_back_from_yaml(tmp_path: Path) -> None:
    later = ["--loss.chns-choice", "both", "--loss.chns-weighting", "disagreement", "--loss.ahns-beta", "0.5"]
    for arguments in (later, []):
        settings = parse(arguments)
        assert from_yaml(save(settings, tmp_path / "config.yaml")).loss == settings.loss
