"""The options of a training run, as one tree of frozen dataclasses from which the command line is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
import yaml

from brmrs_graph.data import Corruption
from brmrs_graph.data.planted import Gamma, PlantedConfig
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_class, model_config, model_names
from brmrs_graph.training import PLUGS, PRESETS, ObjectiveConfig, TrainConfig, objective_preset, plug

PROGRAM = "python -m experiments.run"
PLANTED = "planted"
IMPUTATIONS = ("", "mean")

ADDED_LATER = {
    *("planted", "corrupt", "impute", "plug"),
    *("loss.chns_choice", "loss.chns_weighting", "loss.ahns_alpha", "loss.ahns_beta"),
}
"""Options that are not written while they have their default; ``loss.NAME`` is the option NAME of the part ``loss``."""


@dataclass(frozen=True)
class RunSettings:
    """Train a model on a data set, evaluate it, and write a run folder."""

    dataset: str = "boutique"
    """Name of the data set; boutique is built in."""
    model: str = "brmrs"
    """Model, one of those above."""
    objective: str = ""
    """What is minimised, one of those above; every model has its own default."""
    plug: str = ""
    """Losses of the method that are added to it, those above, with commas between: chns,synergy."""
    seed: int = 999
    """Seed of everything random, 0 to 4294967295."""
    data_root: Path | None = None
    """Folder that holds the data set's folder; None: datasets/ of this project."""
    out: Path | None = None
    """Run folder; None: runs/DATASET-MODEL-OBJECTIVE-SEED, numbered if it is there."""
    resume: bool = False
    """Go on with a run that was stopped."""
    device: str = "auto"
    """Where to train: auto, cpu, cuda, cuda:1, …"""
    threads: int = 0
    """CPU threads; 0: torch's choice."""
    feature_dim: int = 512
    """Most feature dimensions per modality; longer features are rotated once and the energy kept is printed."""
    text_encoder: str = "minilm"
    """Encoder of texts where there is no array: minilm, tfidf, any sentence-transformers name, or file:PATH."""
    image_encoder: str = "efficientnet-lite0"
    """Encoder of pictures where there is no array: efficientnet-lite0, colors, timm:NAME, or file:PATH."""
    corrupt: str = ""
    """Makes a share of the items' content wrong, as MODALITY:KIND:SHARE, such as textual:swapped:0.4; kinds are
    swapped, blanked, filler and marketing."""
    impute: str = ""
    """What stands for content that an item lacks: nothing, or mean (the mean vector, as MMRec does, for comparison)."""
    tensorboard: bool = False
    """Also write TensorBoard event files (needs the package tensorboard)."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """The training loop."""
    loss: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    """Weights and forms of the losses; defaults come from the chosen objective."""
    options: Any = None
    """Options of the chosen model."""
    planted: Annotated[PlantedConfig | None, tyro.conf.Suppress] = None
    """What the data set planted is generated from; None with any other."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed is {self.seed}; it must lie between 0 and {2**32 - 1}")
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give a number above 0, or 0 for torch's choice")
        if self.feature_dim < 1:
            raise ConfigError(f"feature-dim is {self.feature_dim}; it must be at least 1")
        if self.impute not in IMPUTATIONS:
            raise ConfigError(f"impute is '{self.impute}'; give mean, or leave it out")
        if self.corrupt:
            Corruption.parse(self.corrupt)
        object.__setattr__(self, "plug", ",".join(_names(self.plug)))  # written one way, so that runs are found again
        if self.dataset == PLANTED and self.planted is None:
            object.__setattr__(self, "planted", PlantedConfig())
        if self.dataset != PLANTED and self.planted is not None:
            raise ConfigError(_only_planted(self.dataset))


_GAMMA_OPTION = tyro.constructors.PrimitiveConstructorSpec(
    nargs=1,
    metavar=str(Gamma()),
    instance_from_str=lambda words: Gamma.parse(words[0]),
    is_instance=lambda value: isinstance(value, Gamma),
    str_from_instance=lambda gamma: [str(gamma)],
)


@dataclass(frozen=True)
class _PlantedOptions(PlantedConfig):
    gamma: Annotated[Gamma, tyro.conf.arg(prefix_name=False), _GAMMA_OPTION] = PlantedConfig.gamma
    """Strengths: t, v unique to text and picture, c complementary, s joint, r redundant; 1 where left out."""


@dataclass(frozen=True)
class _Choice:
    dataset: str = "boutique"
    model: str = "brmrs"
    objective: str = ""
    plug: str = ""


def parse(arguments: Sequence[str]) -> RunSettings:
    """Reads the command line.

    Data set, model, objective and what is plugged in are looked at first, since the other options and their defaults
    follow from them.

    Raises:
        ConfigError: If the model or the objective is unknown, or a value is out of range.
        SystemExit: With code 2 if an option is unknown or has the wrong type, 0 after ``--help``.
    """
    plain = [argument for argument in arguments if argument not in ("-h", "--help")]
    choice, _ = tyro.cli(_Choice, args=plain, prog=PROGRAM, return_unknown_args=True)
    return parse_for(choice.model, choice.objective, arguments, choice.dataset, choice.plug)


def parse_for(
    model: str, objective: str, arguments: Sequence[str], dataset: str = RunSettings.dataset, plugged: str = ""
) -> RunSettings:
    """Reads the command line for a model, an objective, a data set and plugged-in losses that are known already."""
    if dataset != PLANTED and any(word.startswith(("--gamma", "--planted.")) for word in arguments):
        raise ConfigError(_only_planted(dataset))
    config = model_config(model)
    objective = objective or model_class(model).default_objective
    loss = plug(objective_preset(objective), _names(plugged))
    parts: list[tuple[str, Any, Any]] = [("options", Annotated[config, tyro.conf.arg(name="model")], config())]
    if dataset == PLANTED:
        parts.append(("planted", _PlantedOptions, _PlantedOptions()))
    shape = make_dataclass("RunSettings", parts, bases=(RunSettings,), frozen=True)
    settings = tyro.cli(
        shape,
        args=list(arguments),
        default=shape(dataset=dataset, model=model, objective=objective, plug=plugged, loss=loss, options=config()),
        prog=PROGRAM,
        description=_description(),
    )
    return replace(settings, planted=PlantedConfig(**vars(settings.planted))) if settings.planted else settings


def _names(plugged: str) -> list[str]:
    return sorted({name.strip() for name in plugged.split(",")} - {""})


def _only_planted(dataset: str) -> str:
    return (
        f"--gamma and --planted.… say how the data set planted is generated, but the data set is '{dataset}'; give "
        "--dataset planted, or leave them out"
    )


def _description() -> str:
    objectives, plugs = ("\n".join(f"  {name}: {what}" for name, (what, _) in x.items()) for x in (PRESETS, PLUGS))
    return (
        f"{RunSettings.__doc__}\n\nModels: {', '.join(model_names())}.\n\nObjectives:\n{objectives}\n\n"
        f"To be plugged in, into any model with unimodal branches:\n{plugs}\n\n"
        "With --dataset planted there are also --gamma and --planted.…, see --dataset planted --help.\n\n"
        "Example: python -m experiments.run --dataset boutique --objective bpr --loss.branch 0.3"
    )


def to_dict(settings: Any) -> dict[str, Any]:
    """The resolved settings as plain values that YAML and JSON can hold.

    Options that were added later are left out while they have their default: the hashes by which finished runs are
    found again have nothing to do with what came after them.
    """
    return _plain(settings)


def _plain(value: Any, name: str = "") -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    if not is_dataclass(value):
        return value
    plain = {}
    for option in fields(value):
        inner, full_name = getattr(value, option.name), f"{name}{option.name}"
        if full_name not in ADDED_LATER or inner != option.default:
            plain[option.name] = _plain(inner, f"{full_name}.")
    return plain


def from_yaml(path: Path) -> RunSettings:
    """The settings that a run folder was made with.

    Raises:
        ConfigError: If the file is missing or of another version.
    """
    try:
        values = yaml.safe_load(path.read_text())
        values.pop("content_hash", None)
        config = model_config(values["model"])
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in values.pop("options").items()}
        for key in ("data_root", "out"):
            values[key] = None if values[key] is None else Path(values[key])
        if values.get("planted") is not None:
            values["planted"] = PlantedConfig(**values["planted"] | {"gamma": Gamma(**values["planted"]["gamma"])})
        return RunSettings(
            **values
            | {
                "train": TrainConfig(**values["train"]),
                "loss": ObjectiveConfig(**values["loss"]),
                "options": config(**options),
            }
        )
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} cannot be read as the configuration of a run: {error!r}") from error


__all__ = ["RunSettings", "from_yaml", "parse", "parse_for", "replace", "to_dict"]
