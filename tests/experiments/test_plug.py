import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from brmrs_graph.errors import ConfigError
from brmrs_graph.training import PLUGS, objective_preset, plug
from experiments.plan import folder_name
from experiments.run import command, run
from experiments.settings import from_yaml, parse, to_dict
from experiments.trained import read_trained

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

FREEDOM = ("--model", "freedom")
SHORT = ("--train.epochs", "2", "--model.dim", "4")


def shop(shops: Path, out: Path, *more: str) -> list[str]:
    return ["--dataset", "shop", "--data-root", str(shops), "--out", str(out), *more]


# --- the command line


@pytest.mark.parametrize("given", ["chns,synergy", "synergy,chns", "chns, synergy,chns,"])
def test_it_adds_to_the_objective_and_is_written_one_way(given: str) -> None:
    settings = parse([*FREEDOM, "--plug", given])
    assert (settings.objective, settings.plug) == ("bpr", "chns,synergy")
    assert settings.loss == plug(objective_preset("bpr"), PLUGS)


@pytest.mark.parametrize("model", ["bm3", "slmrec", "latefusion"])
def test_the_objective_of_a_model_is_its_own_unless_another_is_asked_for(model: str) -> None:
    own = parse(["--model", model, "--plug", "chns"])
    assert (own.objective, own.loss.fused, own.loss.chns) == ("own", 0.0, 1.0)
    dns = parse(["--plug", "chns", "--model", model, "--objective", "dns"])
    assert dns.loss == plug(objective_preset("dns"), ["chns"])


@pytest.mark.parametrize("order", [1, -1])
def test_single_options_override_what_is_plugged_in_wherever_they_stand(order: int) -> None:
    parts = [["--plug=chns,synergy"], ["--loss.chns", "0.3", "--loss.synergy-form", "reference"]][::order]
    loss = parse([*FREEDOM, *(word for part in parts for word in part)]).loss
    assert (loss.chns, loss.chns_fused, loss.synergy, loss.synergy_form) == (0.3, 0.0, 1.0, "reference")


@pytest.mark.parametrize("name", ["dns", "chns;synergy", "all"])
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' cannot be plugged in; choose among chns, synergy"):
        parse([*FREEDOM, "--plug", f"chns,{name}"])


def test_it_is_recorded_only_where_it_is_used_and_comes_back(tmp_path: Path) -> None:
    assert "plug" not in to_dict(parse(FREEDOM)) and "plug" not in to_dict(parse([*FREEDOM, "--plug", ""]))
    settings = parse([*FREEDOM, "--plug", "chns", "--loss.chns", "0.3"])
    assert to_dict(settings)["plug"] == "chns"
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(to_dict(settings)))
    assert from_yaml(tmp_path / "config.yaml").loss == settings.loss
    assert to_dict(from_yaml(tmp_path / "config.yaml")) == to_dict(settings)


def test_runs_are_found_again_by_what_is_plugged_in() -> None:
    plain, chns, both, swapped = (
        folder_name([*FREEDOM, "--plug", given]) for given in ("", "chns", "chns,synergy", "synergy,chns")
    )
    assert plain == folder_name(FREEDOM) and both == swapped
    assert len({plain, chns, both}) == 3


def test_help_says_what_can_be_plugged_in(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command(["--plug", "chns", "--help"])
    shown = capsys.readouterr().out
    assert "--plug" in shown and all(f"  {name}: {what}" in shown for name, (what, _) in PLUGS.items())


# --- runs


def test_a_run_says_trains_and_keeps_what_is_plugged_in(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(shop(shops, tmp_path / "plugged", *FREEDOM, *SHORT, "--plug", "chns,synergy"))
    shown = capsys.readouterr().out
    assert all(f"plugged in {name}: {what}" in shown for name, (what, _) in PLUGS.items())
    run(parse(shop(shops, tmp_path / "plain", *FREEDOM, *SHORT)), quiet=True)
    terms = {}
    for name in ("plugged", "plain"):
        (*_, last) = (tmp_path / name / "log.jsonl").read_text().splitlines()
        terms[name] = json.loads(last)["loss"].keys()
    assert terms["plugged"] >= terms["plain"] | {"chns", "synergy"} and "own_content" in terms["plain"]
    assert not terms["plain"] & {"chns", "synergy"}

    plugged, plain = read_trained([tmp_path / "plugged", tmp_path / "plain"])
    assert (plugged.name, plain.name) == ("bpr + chns + synergy", "bpr")


def test_a_run_without_it_says_nothing_of_it(shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(shop(shops, tmp_path / "out", *FREEDOM, *SHORT))
    assert "plugged" not in capsys.readouterr().out
    assert "plug" not in (tmp_path / "out" / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("options", "lack"),
    [
        (("--model", "bprmf"), "BPRMF has none"),
        (("--model", "lightgcn"), "LightGCN has none"),
        (("--model", "mostpop"), "nothing in MostPop is trained"),
        (("--model", "itemknn", "--model.k", "5"), "nothing in ItemKNN is trained"),
        (("--model", "contentknn", "--model.k", "5"), "nothing in ContentKNN is trained"),
        (("--model", "brmrs", "--model.modalities", "textual"), "BRMRS has only textual"),
    ],
)
@pytest.mark.parametrize("given", PLUGS)
def test_a_model_without_two_trained_branches_says_what_it_lacks_and_makes_no_folder(
    shops: Path, tmp_path: Path, refuse: Refuse, options: tuple[str, ...], lack: str, given: str
) -> None:
    error = refuse(command, shop(shops, tmp_path / "out", *options, "--plug", given))
    assert f"two at least, but {lack};" in error and "leave it out" in error and "freedom" in error
    assert "contentknn" not in error
    assert not (tmp_path / "out").exists()
