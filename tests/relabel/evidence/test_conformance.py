"""Every installed source keeps what the label model relies on; those that do not are caught."""

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.llm.store import Store
from labelmend.relabel.evidence.base import PHASES, Resources
from labelmend.relabel.evidence.conformance import check_source, sample_corpus
from labelmend.relabel.evidence.registry import known_sources, open_sources
from labelmend.relabel.run_models import locate_models
from labelmend.types import Ranking

COUNTS = {"llm": 12, "reranker": 16}
"""Texts for the sources whose every answer takes a while."""


@pytest.fixture(scope="module")
def profile(encoders, small_llm):
    assert len(encoders) == 2
    config = load_config("embedded")
    models = locate_models(config, use_llm=True)
    return config, replace(models, voters=((config.voters[0], small_llm),))


@pytest.mark.parametrize("name", sorted(known_sources()))
def test_every_installed_source_keeps_the_rules(name, profile):
    config, models = profile
    with ExitStack() as stores:

        def make(corpus):
            # What one source was told, the next one is to find out by itself.
            resources = Resources(config, models, stores.enter_context(Store(None)))
            listed = {name: config.evidence[name]}
            (opened,) = open_sources(listed, corpus, resources, PHASES)
            return opened.source

        check_source(make, count=COUNTS.get(name, 80))


class Sound:
    """Says how often a label's letters stand in a text."""

    name = "letters"
    phase = "fixed"

    def fit(self, corpus, memberships, turn):
        self.corpus = corpus
        return self

    def score(self, texts, candidates):
        counts = [
            [sum(self.corpus.texts[i].count(c) for c in self.corpus.labels[k]) for k in row]
            for i, row in zip(texts, candidates, strict=True)
        ]
        return np.array(counts, dtype=np.float32)


def test_a_sound_source_passes():
    check_source(lambda corpus: Sound())


def test_a_source_that_hears_no_labels_is_not_asked_what_they_change():
    asked = []

    class Asked(Sound):
        def score(self, texts, candidates):
            asked.append(len(texts))
            return super().score(texts, candidates)

    check_source(lambda corpus: Asked(), count=20)
    assert asked == [20, 20, 10]
    asked.clear()
    Asked.phase = "round"
    check_source(lambda corpus: Asked(), count=24)
    # Two rounds each, and eight texts that carry another label.
    assert asked == [24] * 4 + [12] * 2 + [24] * 2 * 8


class Peeks(Sound):
    phase = "round"

    def fit(self, corpus, memberships, turn):
        self.memberships = memberships.toarray()
        return self

    def score(self, texts, candidates):
        return np.take_along_axis(self.memberships[texts], candidates, axis=1)


class Whispers(Peeks):
    """What it leaks is small, and so is what it says: the label model knows no scale."""

    def fit(self, corpus, memberships, turn):
        self.corpus = corpus
        return super().fit(corpus, memberships, turn)

    def score(self, texts, candidates):
        return (
            1e-6 * Sound.score(self, texts, candidates) + 1e-5 * super().score(texts, candidates)
        ).astype(np.float32)


class PeeksLater(Whispers):
    def fit(self, corpus, memberships, turn):
        super().fit(corpus, memberships, turn)
        self.memberships = self.memberships * turn
        return self


class ProposesWhatIsNot(Sound):
    def search(self, texts, limit):
        return Ranking(np.full((len(texts), limit), 99), np.zeros((len(texts), limit), np.float32))


class Ranks(Sound):
    def score(self, texts, candidates):
        return super().score(texts, candidates) + np.arange(len(texts), dtype=np.float32)[:, None]


class Shouts(Sound):
    def score(self, texts, candidates):
        scores = super().score(texts, candidates)
        return np.where(scores > 5, np.inf, scores).astype(np.float32)


class Draws(Sound):
    def score(self, texts, candidates):
        return np.random.default_rng().random(candidates.shape).astype(np.float32)


class Wide(Sound):
    def score(self, texts, candidates):
        return super().score(texts, candidates).astype(np.float64)


class Mute(Sound):
    def score(self, texts, candidates):
        return np.full(candidates.shape, np.nan, dtype=np.float32)


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (Peeks, "a text's own label never moves its own score"),
        (Whispers, "a text's own label never moves its own score"),
        (PeeksLater, "a text's own label never moves its own score"),
        (ProposesWhatIsNot, "labels are known"),
        (Ranks, "neither order nor company of the texts moves a score"),
        (Shouts, "scores are finite"),
        (Draws, "the same source says the same again"),
        (Wide, "scores are float32"),
        (Mute, "the source says something"),
    ],
)
def test_a_source_that_breaks_a_rule_is_told_which(source, rule):
    with pytest.raises(AssertionError, match=rule):
        check_source(lambda corpus: source())


def test_the_made_up_corpus_is_what_sources_expect():
    corpus, carried = sample_corpus()
    assert carried.shape == (80, 4)
    assert np.asarray(carried.sum(axis=1)).ravel().tolist() == [1.0] * 80
    assert len(set(corpus.texts)) == 80
    assert np.linalg.norm(corpus.embeddings, axis=1) == pytest.approx(np.ones(80))
    assert corpus.passages.label_of.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
