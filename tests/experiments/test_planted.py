import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from brmrs_graph.data import Gamma, PlantedConfig
from brmrs_graph.errors import ConfigError
from experiments import catalog
from experiments.catalog import planted_data
from experiments.compare import CompareSettings, compare
from experiments.comparison.held_out import TestPairs
from experiments.comparison.record import RunRecord
from experiments.plan import folder_name
from experiments.run import command, run
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings, from_yaml, parse, to_dict

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

SMALL = ("--dataset", "planted", "--planted.num-users", "60", "--planted.num-items", "80", "--planted.dim", "4")
SHORT = ("--objective", "bpr", "--train.epochs", "2", "--train.batch-size", "256", "--model.dim", "4")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "planted"
    run(parse([*SMALL, *SHORT, "--gamma", "s=2,r=0.5", "--out", str(out)]), quiet=True)
    return out


# --- options


def test_the_strengths_are_one_option_and_the_sizes_are_others() -> None:
    planted = parse([*SMALL, "--gamma", "t=1,v=1,c=1,s=2,r=1", "--planted.noise", "0.5"]).planted
    assert planted == PlantedConfig(num_users=60, num_items=80, dim=4, gamma=Gamma(s=2), noise=0.5)


@pytest.mark.parametrize("gamma", [["--gamma", "t=1,s=2"], ["--gamma=s=2"], ["--gamma", "s=2.0, t=1"]])
def test_strengths_that_are_left_out_keep_their_default(gamma: list[str]) -> None:
    assert parse(["--dataset", "planted", *gamma]).planted == PlantedConfig(gamma=Gamma(s=2))


def test_without_options_and_in_python_the_defaults_are_taken() -> None:
    assert parse(["--dataset", "planted"]).planted == RunSettings(dataset="planted").planted == PlantedConfig()


@pytest.mark.parametrize("gamma", ["q=1", "t=-1", "t=one", "t=1,t=1", ""])
def test_strengths_that_cannot_be_are_one_clear_error(gamma: str, refuse: Refuse) -> None:
    assert "gamma" in refuse(command, [*SMALL, "--gamma", gamma])


def test_a_size_that_cannot_be_is_one_clear_error(refuse: Refuse) -> None:
    assert "planted.dim is 3" in refuse(command, [*SMALL, "--planted.dim", "3"])
    assert "--planted.dims" in refuse(command, [*SMALL, "--planted.dims", "4"])


@pytest.mark.parametrize("more", [["--gamma", "t=1,v=1,c=1,s=1,r=1"], ["--gamma=t=2"], ["--planted.num-users", "9"]])
@pytest.mark.parametrize("dataset", [[], ["--dataset", "shop"]])
def test_with_another_data_set_they_are_refused(more: list[str], dataset: list[str], refuse: Refuse) -> None:
    message = refuse(command, [*dataset, *more])
    assert "--dataset planted" in message and f"'{dataset[-1] if dataset else 'boutique'}'" in message


def test_in_python_they_are_refused_with_another_data_set_too() -> None:
    with pytest.raises(ConfigError, match="--dataset planted"):
        RunSettings(planted=PlantedConfig())


def test_the_help_shows_them_and_that_of_other_data_sets_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, shown in (
        ([], ["--gamma", "--dataset planted --help"]),
        (["--dataset", "planted"], ["--gamma t=1,v=1,c=1,s=1,r=1", "--planted.num-users", "--planted.seed"]),
    ):
        with pytest.raises(SystemExit):
            parse([*arguments, "--help"])
        text = capsys.readouterr().out
        assert all(part in text for part in shown)


# --- what they are resolved to, and found again by


def test_settings_of_other_data_sets_do_not_know_of_them() -> None:
    settings = parse(["--dataset", "shop", "--objective", "bpr"])
    assert settings.planted is None
    assert "planted" not in to_dict(settings), "or runs that were finished before would not be found again"


def test_a_configuration_from_before_is_read(tmp_path: Path) -> None:
    values = to_dict(parse(["--dataset", "shop"]))
    assert "planted" not in values
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    assert from_yaml(tmp_path / "config.yaml").planted is None


def test_runs_share_a_folder_name_exactly_if_they_resolve_to_the_same_data() -> None:
    plain = folder_name(["--dataset", "planted"])
    assert plain == folder_name(["--dataset", "planted", "--gamma", "t=1,s=1.0", "--planted.dim", "50"])
    different = [["--gamma", "s=2"], ["--planted.dim", "48"], ["--planted.seed", "1"], ["--planted.noise", "0"]]
    names = {folder_name(["--dataset", "planted", *more]) for more in different}
    assert len(names) == 4 and plain not in names


def test_settings_come_back_from_yaml_as_they_were(tmp_path: Path) -> None:
    settings = parse([*SMALL, "--gamma", "t=0.1,s=0.30000000000000004"])
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(to_dict(settings)))
    back = from_yaml(tmp_path / "config.yaml")
    assert back.planted == settings.planted and to_dict(back) == to_dict(settings)


@pytest.mark.parametrize("planted", [{"dim": 4}, {"gamma": {"q": 1.0}}, {"gamma": {}, "novelty": 1}, [1]])
def test_a_configuration_that_does_not_fit_is_named(planted: object, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(to_dict(parse(SMALL)) | {"planted": planted}))
    with pytest.raises(ConfigError) as caught:
        from_yaml(path)
    assert str(path) in str(caught.value)


# --- the data


def test_the_data_are_those_of_the_settings_wherever_the_root_is(tmp_path: Path) -> None:
    data = catalog.load_for(parse([*SMALL, "--data-root", str(tmp_path)]))
    assert (data.name, data.num_users, data.num_items, data.synthetic) == ("planted", 60, 80, True)
    assert data.modalities == ("visual", "textual")
    other = catalog.load_for(parse([*SMALL, "--gamma", "s=2"]))
    assert other.content_hash != data.content_hash


def test_the_seed_of_a_run_leaves_the_data_as_they_are() -> None:
    first, second = (catalog.load_for(parse([*SMALL, "--seed", seed])) for seed in ("1", "2"))
    assert first.content_hash == second.content_hash
    third = catalog.load_for(parse([*SMALL, "--planted.seed", "1"]))
    assert third.content_hash != first.content_hash


def test_by_name_alone_the_defaults_are_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    small = catalog.planted_data(PlantedConfig(num_users=60, num_items=80, dim=4))

    def note(config: PlantedConfig) -> object:
        asked.append(config)
        return small

    monkeypatch.setattr(catalog, "planted_data", note)
    assert catalog.load("planted") is small.data
    assert catalog.load("planted", features=False).modalities == ()
    assert asked == [PlantedConfig()] * 2


def test_the_card_of_the_data_set_calls_it_synthetic_and_has_no_data_beside_it() -> None:
    folder = catalog.BUILT_IN / "planted"
    assert catalog.describe(folder).synthetic
    assert {path.name for path in folder.iterdir()} == {"README.md", "dataset.yaml"}


# --- runs


def test_a_run_records_what_its_data_were_generated_from(finished: Path) -> None:
    expected = PlantedConfig(num_users=60, num_items=80, dim=4, gamma=Gamma(s=2, r=0.5))
    settings = from_yaml(finished / "config.yaml")
    metrics = json.loads((finished / "metrics.json").read_text())
    assert settings.planted == expected
    assert metrics["settings"] == to_dict(settings)
    assert metrics["settings"]["planted"]["gamma"] == {"t": 1.0, "v": 1.0, "c": 1.0, "s": 2.0, "r": 0.5}
    assert metrics["data"]["synthetic"] is True
    assert any("gamma t=1,v=1,c=1,s=2,r=0.5" in note for note in metrics["data"]["notes"])


def test_the_data_and_the_types_of_a_run_are_had_from_its_folder(finished: Path) -> None:
    settings = from_yaml(finished / "config.yaml")
    catalog.planted_data.cache_clear()  # as another process would
    data = catalog.load_for(settings)
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert data.content_hash == config["content_hash"]
    assert settings.planted is not None
    truth = catalog.planted_data(settings.planted)
    assert truth.data is data, "generated once"
    assert len(truth.types) == data.test.nnz == 60 * 2
    ranking = RunFolder(finished).read_ranking("test", "fused")
    assert ranking.users.tolist() == list(range(60)) and ranking.num_relevant.tolist() == [2] * 60


def test_a_run_goes_on_with_the_same_data_only(finished: Path, refuse: Refuse) -> None:
    again = [*SMALL, *SHORT, "--out", str(finished), "--resume"]
    message = refuse(command, [*again, "--gamma", "s=2"])
    assert "planted.gamma.r (0.5 there, 1.0 now)" in message
    assert run(parse([*again, "--gamma", "s=2,r=0.5"]), quiet=True)["training"]["epochs"] == 2


def test_models_without_content_run(tmp_path: Path) -> None:
    arguments = [*SMALL, "--model", "lightgcn", "--train.epochs", "1", "--model.dim", "4", "--out", str(tmp_path)]
    metrics = run(parse(arguments), quiet=True)
    settings = from_yaml(tmp_path / "config.yaml")
    assert catalog.load_for(settings).content_hash == metrics["data"]["hash"]
    assert catalog.load_for(settings).modalities == ()


def test_a_comparison_tests_on_the_pairs_that_the_options_generate(tmp_path: Path, runs_here: list[str]) -> None:
    plan = tmp_path / "small.yaml"
    options = " ".join([*SMALL[2:]])
    plan.write_text(f"seeds: [1]\nreference: a\ncommon: {options}\narms: {{a: {{options: --model mostpop}}}}\n")
    results = compare(CompareSettings(plan=plan, dataset="planted", out=tmp_path / "runs", jobs=1))
    pairs = TestPairs.from_json(results["held_out"])
    assert len(pairs.count) <= 60
    [run] = results["runs"]
    found = RunRecord.from_json(run, len(pairs.degree)).found
    assert found is not None
    assert pairs.recall(found).mean() == pytest.approx(run["test"]["recall@20"])


def test_a_run_that_was_tested_on_other_pairs_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(parse([*SMALL, "--model", "mostpop", "--out", str(out)]), quiet=True)
    other = planted_data(PlantedConfig(num_users=60, num_items=80, dim=4, seed=5)).data
    record = RunRecord.of_trial(RunFolder(out))
    assert record is not None
    with pytest.raises(ConfigError, match="was tested on other interactions"):
        record.with_test(RunFolder(out), other, TestPairs.of(other))
