"""Whether a source that hears some texts only is asked about the doubtful ones."""

import dataclasses

import numpy as np
import pytest

from labelmend.configs.schema import FusionConfig
from labelmend.relabel.escalation.routing import Routing
from labelmend.relabel.escalation.second_reading import Reading
from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.retrieval.candidates import Candidates
from labelmend.retrieval.neighbours import Neighbours

TEXTS, AUDIT = 60, 40
GIVEN = np.arange(TEXTS) % 2


class Knowing:
    """Says the given label, by as many nats as it is told; remembers whom it was asked about."""

    name, phase = "knowing", "escalated"

    def __init__(self, nats):
        self.nats, self.asked = nats, []

    def fit(self, corpus, memberships, turn):
        return self

    def score(self, texts, candidates):
        self.asked += texts.tolist()
        return (self.nats * (candidates == GIVEN[texts][:, None])).astype(np.float32)


def asked(source, **changes):
    """The texts that it is asked about: 40 are of the audit, 20 in doubt between two labels."""
    believed = np.full((TEXTS, 2), 0.5)
    candidates = Candidates(np.tile([0, 1], (TEXTS, 1)), 0, np.zeros(2))
    given = np.eye(2)[GIVEN]
    nothing = np.zeros((TEXTS, 2))
    posterior = Posterior(candidates.labels, believed, FIRST_GUESS, {}, 0.0, nothing, given)
    # A given label is right nine times in ten.
    fit = Fit(posterior, np.log(believed), np.log(0.1 + 0.8 * given), np.ones(TEXTS, dtype=bool))
    near = Neighbours(np.full((TEXTS, 1), -1), np.zeros((TEXTS, 1), np.float32))
    corpus = Corpus(("",) * TEXTS, ("a", "b"), np.zeros((TEXTS, 1), np.float32), near, None)
    routing = Routing(np.arange(AUDIT, TEXTS), np.arange(TEXTS) < AUDIT)
    config = dataclasses.replace(FusionConfig(), **changes)
    (evidence,) = Reading(corpus, candidates, given, fit, routing, 0.0, config).ask(source)
    heard = ~np.isnan(evidence.scores).all(axis=1)
    assert np.flatnonzero(heard).tolist() == sorted(source.asked)
    return sorted(source.asked)


def test_a_source_that_knows_is_asked_about_the_doubtful_texts():
    assert asked(Knowing(3.0)) == list(range(TEXTS))


def test_a_source_that_is_wrong_is_not_asked_again():
    assert asked(Knowing(-3.0)) == list(range(AUDIT))


@pytest.mark.parametrize(("least", "count"), [(0.0, TEXTS), (100.0, AUDIT)])
def test_how_much_it_must_say_is_a_setting(least, count):
    assert len(asked(Knowing(3.0), min_routed_say=least)) == count


def test_where_the_search_for_its_weight_begins_decides_nothing():
    assert asked(Knowing(3.0), routed_first_weight=2.0) == asked(Knowing(3.0))
    assert asked(Knowing(-3.0), routed_first_weight=2.0) == asked(Knowing(-3.0))
