from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_names
from experiments.plan import Plan
from experiments.settings import parse
from experiments.tune import TuneSettings
from experiments.tuning.contender import arm_of, contenders, grouped, published_options
from experiments.tuning.space import SearchSpaces, option_type, spell, to_words

SEARCH = TuneSettings.search


def read(text: str, tmp_path: Path) -> SearchSpaces:
    (tmp_path / "search.yaml").write_text(text)
    return SearchSpaces.read(tmp_path / "search.yaml")


# --- files


def test_later_parts_replace_options_of_earlier_ones(tmp_path: Path) -> None:
    spaces = read(
        """
        common: {train.lr: {low: 1e-3, high: 1e-2, log: true}, loss.weight-decay: [0, 1e-4], loss.pool: [4]}
        objectives: {dns: {loss.pool: [2, 8]}}
        models: {freedom: {train.lr: null, model.num-layers: {low: 1, high: 3}}}
        datasets: {toy: {freedom: {model.num-layers: [2]}}}
        """,
        tmp_path,
    )
    assert spaces.of("other", "bprmf", "bpr") == {
        "train.lr": FloatDistribution(1e-3, 1e-2, log=True),
        "loss.weight-decay": CategoricalDistribution(["0", "0.0001"]),
        "loss.pool": CategoricalDistribution(["4"]),
    }
    freedom = spaces.of("other", "freedom", "dns")
    assert set(freedom) == {"loss.weight-decay", "loss.pool", "model.num-layers"}
    assert freedom["loss.pool"] == CategoricalDistribution(["2", "8"])
    assert freedom["model.num-layers"] == IntDistribution(1, 3)
    assert spaces.of("toy", "freedom", "bpr")["model.num-layers"] == CategoricalDistribution(["2"])


def test_an_empty_file_of_parts_tunes_nothing(tmp_path: Path) -> None:
    assert read("common: {}", tmp_path).of("toy", "freedom", "bpr") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modles: {}", "modles is no part; choose one of common, objectives, models, datasets"),
        ("- 1", " is '[1]'; it must hold names and values"),
        ("a: [", "is no valid YAML"),
        ("models: {fredom: {}}", "models.fredom is no model; choose one of"),
        ("objectives: {bprr: {}}", "objectives.bprr is no objective; choose one of"),
        ("datasets: {toy: {fredom: {}}}", "datasets.toy.fredom is no model; choose one of"),
        ("models: {freedom: 3}", "models.freedom is '3'; it must hold names and values"),
        ("models: {freedom: {model.dropuot: [1]}}", "model.dropuot is no option of freedom; choose among model.dim,"),
        ("models: {freedom: {dropout: [1]}}", "dropout is no option of freedom; choose among train."),
        ("common: {model.dim: [1]}", "common.model.dim is no option of every model; choose among train.epochs,"),
        ("common: {train.lr: 0.1}", "common.train.lr is '0.1'; write a range {low: 0.1, high: 1, log: true}"),
        ("common: {train.lr: {low: 1, high: 0.1}}", "train.lr cannot be used: low is 1.0 and high is 0.1; swap them"),
        ("common: {train.lr: {low: 0, high: 1, log: true}}", "low is 0.0; a logarithmic range starts above 0"),
        ("common: {train.lr: {low: a, high: 1}}", "'a' is no number"),
        ("common: {train.lr: {low: .nan, high: 1}}", "'nan' is no number"),
        ("common: {train.lr: {low: true, high: 1}}", "'True' is no number"),
        ("common: {train.lr: {low: 1}}", "common.train.lr cannot be used: a range has low and high, and may have log"),
        ("common: {train.lr: {low: 1, hihg: 2}}", "common.train.lr cannot be used: a range has low and high"),
        ("common: {train.lr: {low: 1, high: 2, log: x}}", "log is 'x', which is neither true nor false"),
        ("common: {7: [1]}", "common.7 is no option of every model"),
        ("common: {train.lr: []}", "there must be choices, and no two of them alike"),
        ("common: {train.lr: [0.1, 1e-1]}", "there must be choices, and no two of them alike"),
        ("common: {loss.pool: [2.5]}", "'2.5' is no whole number"),
        ("common: {loss.chns-form: [pool, graf]}", "'graf' is none of pool, graph"),
        ("common: {loss.chns-form: {low: 0, high: 1}}", "the option is no number and takes a list of choices"),
        ("models: {grcn: {model.prune: [1]}}", "'1' is neither true nor false"),
        ("models: {freedom: {model.beta: [visual]}}", "'visual' is not of the form NAME VALUE NAME VALUE"),
        ("models: {freedom: {model.beta: [visual a]}}", "'a' is no number"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_field(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"search\.yaml.*{message.replace('[', chr(92) + '[')}"):
        read(text, tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read: .*; give another --search"):
        SearchSpaces.read(tmp_path / "none.yaml")


# --- words


@pytest.mark.parametrize(
    ("model", "option", "value", "words"),
    [
        ("freedom", "train.lr", 0.00123456, ("--train.lr", "0.00123")),
        ("itemknn", "model.k", 17, ("--model.k", "17")),
        ("grcn", "model.prune", True, ("--model.prune",)),
        ("grcn", "model.prune", False, ("--model.no-prune",)),
        ("mmgcn", "model.combination", "concat", ("--model.combination", "concat")),
        ("pgl", "model.beta", "visual 0.3 textual 0.7", ("--model.beta", "visual", "0.3", "textual", "0.7")),
        ("pgl", "model.beta", "", ()),
    ],
)
def test_a_value_becomes_words_that_give_it(model: str, option: str, value: Any, words: tuple[str, ...]) -> None:
    assert to_words(option, value) == words
    settings = parse(["--model", model, *words])
    section, name = option.split(".")
    got = getattr(settings.options if section == "model" else getattr(settings, section), name.replace("-", "_"))
    expected = "0.00123" if option == "train.lr" else value if isinstance(value, bool) else str(value)
    assert spell(option_type(model, option), got) == expected


@given(st.floats(1e-12, 1e12), st.integers(-(10**9), 10**9))
def test_numbers_as_choices_lose_nothing(number: float, whole: int) -> None:
    assert float(spell(float, number)) == number
    assert int(spell(int, whole)) == whole
    assert spell(float, whole) == spell(float, str(whole))


@given(st.floats(1e-9, 1e9))
def test_numbers_out_of_a_range_are_rounded_to_three_digits(number: float) -> None:
    assert float(to_words("train.lr", number)[1]) == pytest.approx(number, rel=5.1e-3)


def test_words_are_grouped_by_option() -> None:
    assert grouped(["--train.lr", "1", "--model.beta", "a", "1", "--loss.no-guard", "--x.a_b=3"]) == {
        "train.lr": ("--train.lr", "1"),
        "model.beta": ("--model.beta", "a", "1"),
        "loss.guard": ("--loss.no-guard",),
        "x.a-b": ("--x.a_b=3",),
    }


# --- the search spaces of this project


@pytest.mark.parametrize("dataset", ["tiktok", "clothing"])
def test_every_search_of_the_project_starts_in_its_space(dataset: str) -> None:
    models = ("brmrs", "freedom", "rearm", "smore", "latefusion", "mmgcn", "pgl")
    arms = tuple(arm_of(model, "", dataset, ()) for model in models)
    plan = Plan("p", dataset, arms, models[0], (1,))
    for contender in contenders(plan, SearchSpaces.read(SEARCH)):
        assert contender.published == bool(published_options(contender.model, dataset))
        assert set(contender.first) == set(contender.space)
        for option, distribution in contender.space.items():
            assert distribution._contains(distribution.to_internal_repr(contender.first[option]))
        last = [
            word
            for option, distribution in contender.space.items()
            for word in to_words(
                option,
                distribution.choices[-1] if isinstance(distribution, CategoricalDistribution) else distribution.high,
            )
        ]
        assert parse(plan.options(contender.arm, last)).model == contender.model


def test_every_model_of_the_project_has_something_to_tune_but_the_most_popular() -> None:
    spaces = SearchSpaces.read(SEARCH)
    assert [model for model in model_names() if not spaces.of("boutique", model, "bpr")] == ["mostpop"]
    assert set(spaces.models) >= set(model_names()) - {"bprmf", "vbpr"}, "these two have no options of their own"
