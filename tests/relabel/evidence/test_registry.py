"""Which sources a profile switches on, and what is refused before any work."""

import dataclasses

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.errors import ConfigError
from labelmend.relabel.evidence import registry
from labelmend.relabel.evidence.base import PHASES, Resources
from labelmend.relabel.evidence.conformance import sample_corpus
from labelmend.relabel.evidence.registry import listens_to, open_sources, resolved_sources
from labelmend.relabel.run_models import RunModels

CORPUS, _ = sample_corpus()
CONFIG = load_config()
RESOURCES = Resources(CONFIG, RunModels((), None, None, ()), None)


def opened(*overrides, phases=PHASES, corpus=CORPUS):
    evidence = load_config("embedded", overrides).evidence
    return open_sources(evidence, corpus, RESOURCES, phases)


def names(found):
    return [each.source.name for each in found]


def test_the_profile_says_which_sources_in_its_order():
    assert names(opened(phases=("fixed",))) == ["bm25", "description", "oos", "votes: crowd"]
    assert names(opened(phases=("round",))) == ["prototype", "neighbour", "classifier", "lexical"]
    assert [each.speaks for each in opened(phases=("round",))] == [False, True, True, True]
    # Neither a reranker nor a voter is at hand.
    assert names(opened(phases=("escalated",))) == []


def test_what_is_switched_off_or_can_not_read_is_passed_over():
    assert "bm25" not in names(opened("evidence.bm25.enabled=false"))
    features = dataclasses.replace(CORPUS, has=frozenset(), said={})
    assert names(opened(corpus=features)) == ["prototype", "neighbour", "classifier"]
    assert not listens_to(load_config("embedded", ["evidence.llm.enabled=false"]), "llm")
    assert not listens_to(CONFIG, "nothing")


def test_options_are_filled_in_and_checked():
    config = resolved_sources(load_config("embedded", ["evidence.classifier.options.folds=4"]))
    options = config.evidence["classifier"].options
    assert (options["folds"], options["components"]) == (4, 192)
    for override, said in (
        ("evidence.classifier.options.folds=1", "evidence.classifier.options.folds is 1: give"),
        ("evidence.oos.options.nearst=3", "unknown key nearst .did you mean 'nearest'"),
        ("evidence.bm25.options.k1=3", "evidence.bm25: no option 'k1'; it takes none"),
        ("evidence.bm52.weight=3", "unknown source of evidence 'bm52' .did you mean 'bm25'"),
    ):
        with pytest.raises(ConfigError, match=said):
            resolved_sources(load_config("embedded", [override]))


class Mine:
    name, phase, needs = "mine", "fixed", frozenset()

    def __init__(self, **changes):
        self.__dict__.update(changes)

    def score(self, texts, candidates):
        return np.zeros(candidates.shape, np.float32)


def install(monkeypatch, make):
    monkeypatch.setattr(registry, "source_class", lambda name: make)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Mine(phase="rounds"), "its phase is 'rounds', and not one of fixed, round"),
        (lambda: Mine(needs={"word"}), "its needs are .'word'., and not a set of texts, cards"),
        (lambda: Mine(name=""), "it has no name"),
        (lambda: 1 / 0, "can't be made .ZeroDivisionError: division by zero"),
        (lambda size: Mine(), "option 'size' is missing; give it a value"),
    ],
)
def test_what_is_no_source_is_told(monkeypatch, make, said):
    install(monkeypatch, make)
    with pytest.raises(ConfigError, match=f"evidence.mine: {said}"):
        open_sources({"mine": CONFIG.evidence["oos"]}, CORPUS, RESOURCES, PHASES)


def test_two_sources_of_one_name_are_refused(monkeypatch):
    install(monkeypatch, Mine)
    listed = {"a": CONFIG.evidence["oos"], "b": CONFIG.evidence["oos"]}
    with pytest.raises(ConfigError, match="two sources are called 'mine'; rename one"):
        open_sources(listed, CORPUS, RESOURCES, PHASES)
