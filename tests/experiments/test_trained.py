import json
from pathlib import Path

import pytest

from brmrs_graph.errors import ConfigError
from experiments.plan import folder_name
from experiments.runfolder import RunFolder
from experiments.settings import parse
from experiments.trained import differing_options, read_comparison, read_trained


def finished(path: Path, *arguments: str, seed: int = 1, data: str = "abc", finish: bool = True) -> Path:
    """A run folder without a training."""
    settings = parse([*arguments, "--seed", str(seed), "--out", str(path)])
    folder = RunFolder.of(settings)
    folder.start(settings, data)
    if finish:
        folder.write_metrics({"seed": seed, "data": {"hash": data}})
    return path


def test_runs_that_differ_in_the_seed_alone_are_one_model(tmp_path: Path) -> None:
    for seed in (11, 2):
        finished(tmp_path / "bpr" / str(seed), "--objective", "bpr", seed=seed)
    dns = [
        finished(tmp_path / f"dns{seed}", "--objective", "dns", "--threads", str(seed), seed=seed) for seed in (1, 2)
    ]
    models = read_trained([dns[0], tmp_path / "bpr", dns[1], dns[0]])
    assert [(model.name, model.seeds, model.data_hash) for model in models] == [
        ("dns", [1, 2], "abc"),
        ("bpr", [2, 11], "abc"),
    ]
    assert [folder.path.name for folder in models[1].folders] == ["2", "11"]


def test_names_tell_what_differs_and_no_more(tmp_path: Path) -> None:
    paths = [
        finished(tmp_path / str(number), *options)
        for number, options in enumerate(
            [
                ("--objective", "dns", "--loss.pool", "2"),
                ("--objective", "dns", "--loss.pool", "8"),
                ("--objective", "bpr"),
            ]
        )
    ]
    models = read_trained(paths)
    assert [model.name for model in models] == ["dns (loss.pool 2)", "dns (loss.pool 8)", "bpr"]
    assert [options["loss.pool"] for options in differing_options(models)] == [2, 8, 4]
    assert "dataset" not in differing_options(models)[0]
    assert [model.name for model in read_trained(paths[1:])] == ["dns", "bpr"]
    other = finished(tmp_path / "vbpr", "--model", "vbpr", "--objective", "bpr")
    assert [model.name for model in read_trained([paths[2], other])] == ["brmrs / bpr", "vbpr / bpr"]
    plugged = finished(tmp_path / "plugged", "--model", "vbpr", "--plug", "chns,synergy")
    assert [model.name for model in read_trained([other, plugged])] == ["bpr", "bpr + chns + synergy"]


def test_shorter_trainings_are_models_of_their_own(tmp_path: Path) -> None:
    paths = [finished(tmp_path / str(n), "--train.epochs", str(n), seed=n) for n in (3, 7)]
    assert [model.seeds for model in read_trained(paths)] == [[3], [7]]


def test_what_is_no_finished_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"no finished run in {tmp_path}"):
        read_trained([tmp_path])
    path = finished(tmp_path / "half", finish=False)
    with pytest.raises(ConfigError, match=r"half is not finished.*--resume"):
        read_trained([path])
    finished(tmp_path / "whole")
    assert [model.folders[0].path.name for model in read_trained([tmp_path])] == ["whole"]


def test_seeds_on_different_data_are_refused(tmp_path: Path) -> None:
    paths = [finished(tmp_path / str(seed), seed=seed, data=f"hash{seed}") for seed in (1, 2)]
    with pytest.raises(ConfigError, match=r"runs of default in .* saw different data .*hash1, hash2"):
        read_trained(paths)


def test_a_comparison_leads_to_its_runs(tmp_path: Path) -> None:
    options = {"plain": ["--objective", "bpr"], "hard": ["--objective", "dns"]}
    for words in options.values():
        for seed in (1, 2, 3):
            finished(tmp_path / "boutique" / folder_name(words) / str(seed), *words, seed=seed)
    results = tmp_path / "results.json"
    content = {
        "dataset": "boutique",
        "reference": "hard",
        "seeds": [1, 2, 3],  # those of the plan; an arm may have fewer
        "arms": {
            name: {"options": " ".join(words), "seeds": seeds}
            for (name, words), seeds in zip(options.items(), ([1, 3], [1, 2]), strict=True)
        },
    }
    results.write_text(json.dumps(content))
    assert [(m.name, m.seeds) for m in read_comparison(results, tmp_path)] == [("hard", [1, 2]), ("plain", [1, 3])]
    assert [m.name for m in read_comparison(results, tmp_path, ["plain"])] == ["plain"]
    with pytest.raises(ConfigError, match="no arm soft; choose among plain, hard"):
        read_comparison(results, tmp_path, ["plain", "soft"])
    with pytest.raises(ConfigError, match="no finished run in"):
        read_comparison(results, tmp_path / "elsewhere")
    for broken in ("[]", "{", '{"arms": {}}'):
        results.write_text(broken)
        with pytest.raises(ConfigError, match=r"results\.json cannot be read as the results"):
            read_comparison(results, tmp_path)
