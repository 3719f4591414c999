import dataclasses
import json
import pickle

import pytest
from pydantic import TypeAdapter

from labelmend.configs import schema
from labelmend.configs.fields import dotted, section_at, setting_at, settings_of
from labelmend.configs.load import load_config
from labelmend.configs.schema import (
    Config,
    DecisionConfig,
    EncoderConfig,
    LightgbmConfig,
    LinearConfig,
    SourceConfig,
    VoterConfig,
)
from labelmend.errors import ConfigError
from labelmend.relabel.evidence.classifier import ClassifierOptions

SECTIONS = [getattr(schema, name) for name in schema.__all__]
CONFIG = load_config()


def every_setting():
    return [
        (section, name, one) for section in SECTIONS for name, one in settings_of(section).items()
    ]


@pytest.mark.parametrize(("section", "name", "setting"), every_setting())
def test_every_setting_has_a_sentence_and_every_number_a_range(section, name, setting):
    assert setting.sentence.endswith(".")
    assert setting.sentence[0].isupper() or setting.sentence[0] == "`"
    number = setting.kind.removeprefix("list of ") in {"int", "float"}
    assert bool(setting.allowed) == (number or setting.allowed.startswith("one of"))


@pytest.mark.parametrize("section", SECTIONS)
def test_every_default_is_in_its_own_range(section):
    """pydantic doesn't check defaults, so they are given here."""
    made = {name: one for name, one in settings_of(section).items() if not one.is_required}
    needed = {"encoders": CONFIG.encoders, "profile": "x", "url": "x", "model": "x"}
    needed |= {"backend": "onnx", "ballot": "channel"}
    rest = {name: needed[name] for name in settings_of(section) if name not in made}
    assert section(**{name: one.default for name, one in made.items()}, **rest) == section(**rest)


def test_replacing_checks_what_it_changes():
    changed = dataclasses.replace(CONFIG.decision, max_harm=1)
    assert (changed.max_harm, type(changed.max_harm)) == (1.0, float)
    with pytest.raises(ConfigError) as caught:
        dataclasses.replace(CONFIG.decision, max_harm=1.5)
    assert str(caught.value) == "DecisionConfig: max_harm is 1.5: give a share from 0 to 1"
    with pytest.raises(ConfigError, match=r"^Config: seed: expected int, got '7'$"):
        dataclasses.replace(CONFIG, seed="7")
    with pytest.raises(ConfigError, match=r"^DecisionConfig: expected DecisionConfig, got {}$"):
        dataclasses.replace(CONFIG, decision={})
    with pytest.raises(ConfigError, match=r"^VoterConfig: candidates is 27: a choice ballot has"):
        dataclasses.replace(CONFIG.voters[0], ballot="choice", candidates=27)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DecisionConfig(max_harms=0.1), "unknown key max_harms (did you mean 'max_harm'?)"),
        (lambda: EncoderConfig("onnx"), "EncoderConfig: model is missing"),
        (lambda: EncoderConfig(model="x", backend="onyx"), "'onyx' is not one of sentence-"),
        (lambda: LightgbmConfig(leaves=8), "unknown key leaves: it is called 'num_leaves' now"),
        (lambda: LinearConfig(max_iterations=8), "it is called 'max_iter' now"),
        (lambda: ClassifierOptions(folds=float("inf")), "folds: expected int, got inf"),
        (lambda: ClassifierOptions(inverse_regularization=()), "is empty: give at least 1"),
        (lambda: DecisionConfig(max_harm=float("inf")), "max_harm is inf: give a finite number"),
        (
            lambda: DecisionConfig(max_harm="x" * 200),
            f"max_harm: expected float, got '{'x' * 79}..",
        ),
    ],
)
def test_a_section_that_can_not_be_made(make, said):
    with pytest.raises(ConfigError) as caught:
        make()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sections_are_frozen_and_can_be_hashed_and_pickled():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONFIG.seed = 3
    assert len({CONFIG, load_config(), load_config("quality")}) == 2
    assert pickle.loads(pickle.dumps(CONFIG)) == CONFIG
    assert vars(CONFIG.decision) == dataclasses.asdict(CONFIG.decision)


def test_what_stands_at_a_path():
    assert section_at(Config, ()) is Config
    assert section_at(Config, ("voters", 0)) is VoterConfig
    assert section_at(Config, ("seed",)) is None
    assert section_at(Config, ("nothing", "at", "all")) is None
    strengths = setting_at(ClassifierOptions, ("inverse_regularization", 1))
    assert strengths is not None
    assert (strengths.kind, strengths.allowed) == ("list of float", "at least 1e-06")
    threads = setting_at(Config, ("voters", 0, "threads"))
    assert threads is not None
    assert (threads.kind, threads.allowed, threads.unit) == ("int", "from 0 to 512", "threads")
    assert (threads.default, threads.is_required) == (0, False)
    assert setting_at(Config, ("voters", 0, "thread")) is None
    assert setting_at(Config, (0,)) is None
    assert section_at(Config, ("evidence", "bm25")) is SourceConfig
    weight = setting_at(Config, ("evidence", "bm25", "weight"))
    assert weight is not None
    assert (weight.kind, weight.allowed) == ("float", "at least 0")
    assert dotted(("voters", 0, "threads")) == "voters.0.threads"


def test_numbers_are_strict_however_they_come():
    """No text, truth value or fraction passes for a number, in a list neither."""
    wrong = {"folds": "8", "components": True, "max_iterations": 2.5}
    for name, value in wrong.items():
        with pytest.raises(ConfigError, match=f"{name}: expected int"):
            ClassifierOptions(**{name: value})
    with pytest.raises(ConfigError, match=r"inverse_regularization.0: expected float, got '3'"):
        ClassifierOptions(inverse_regularization=("3",))
    read = TypeAdapter(ClassifierOptions).validate_json(json.dumps({"inverse_regularization": [3]}))
    assert read.inverse_regularization == (3.0,)
