from dataclasses import replace

import numpy as np
import pytest

from labelmend.configs.schema import DoubtConfig
from labelmend.relabel.noise_interval import (
    Heard,
    NoiseInterval,
    hear,
    interval_in_words,
    noise_interval,
    weakness_in_words,
)
from labelmend.types import NO_LABEL

approx = pytest.approx

PLAIN = DoubtConfig(weak_from=0.2, sharpness=1, margin=1.25, own_doubt=6, most=0.5)


def rows(contradicted, doubt, anchor, labelled=None):
    count = len(doubt)
    labelled = np.ones(count, bool) if labelled is None else np.array(labelled, bool)
    return Heard(labelled, np.array(contradicted, bool), np.array(doubt, float), np.array(anchor))


EIGHT = rows(
    contradicted=[1, 0, 0, 0, 1, 0, 0, 0],
    doubt=[0.05, 0.05, 0.1, 0.0, 0.001, 0.3, 0.2, 0.1],
    anchor=[True] * 4 + [False] * 4,
)
"""At the anchors: one contradiction of four, and doubts of 0.2 together, which is a fifth of it."""

NINE_TENTHS = np.full(8, 0.9)


def test_evidence_is_held_against_the_given_labels():
    # Text 0 is for label 2, text 1 torn between 1 and 0: the smaller one counts.
    candidates = np.array([[0, 2], [1, 0]])
    log_prior = np.log([[0.25, 0.75], [0.5, 0.5]])
    given, text_of = np.array([2, 0, 0, 1, NO_LABEL]), np.array([0, 0, 1, 1, 1])
    heard = hear(given, text_of, candidates, log_prior, np.array([True, False]))
    assert heard.labelled.tolist() == [True] * 4 + [False]
    assert heard.contradicted.tolist() == [False, True, False, True, False]
    assert heard.doubt == approx([0.25, 0.25, 0.5, 0.5, 0.5])
    assert heard.anchor.tolist() == [True, True, False, False, False]


def test_how_weak_the_evidence_is():
    told = noise_interval(EIGHT, NINE_TENTHS, PLAIN)
    assert told.own_errors == approx(0.2)
    assert told.weakness == approx(0.5)
    assert told.agreement == 6 / 8
    # A quarter of contradictions, half believed.
    assert told.flat == approx(0.5 * 1.25 * 0.2)
    # The text with a doubt of 0.001 is surer: half of 6 * 0.001 / (1 / 4).
    assert told.least == approx([0.125, 0, 0, 0, 0.012, 0, 0, 0])


def test_a_change_costs_at_least_what_weak_evidence_may_get_wrong():
    told = noise_interval(EIGHT, NINE_TENTHS, PLAIN)
    cost = told.cautious(np.array([0.01, 0.01, 0.2, 1.0, 0.01, 0.4, 0.5, 0.6]))
    assert cost == approx([0.125, 0.01, 0.2, 1.0, 0.012, 0.4, 0.5, 0.6])


def test_the_ends_of_the_interval():
    config = replace(PLAIN, standard_errors=0.0)
    told = noise_interval(EIGHT, np.full(8, 0.8), config)
    # The evidence errs: of a quarter at the anchors a fifth, twice, is its own, so 0.15, half
    # believed beside the posterior's 0.2. The labels err: a quarter is contradicted, and of the
    # others as many are wrong as the mean doubt.
    doubt = 0.801 / 8
    assert told.low == 0.0  # less than one of the four anchors
    assert told.high == approx(0.2 + 0.5 * (1 - 0.75 * (1 - doubt) - 0.2))
    # However sure the posterior: what is contradicted may be wrong.
    sure = noise_interval(replace(EIGHT, doubt=np.zeros(8)), np.full(8, 0.8), config)
    assert sure.high == 0.25
    many = rows(*(np.tile(v, 10) for v in (EIGHT.contradicted, EIGHT.doubt, EIGHT.anchor)))
    told = noise_interval(many, np.full(80, 0.8), config)
    assert told.low == approx(0.2 + 0.5 * (0.15 - 0.2))
    # Wilson's interval of two standard errors, of 40 anchors.
    wider = noise_interval(many, np.full(80, 0.8), PLAIN)
    rate, n = 0.175, 40
    centre = (rate + 2 / n) / (1 + 4 / n)
    spread = 2 * np.sqrt(rate * (1 - rate) / n + 1 / n**2) / (1 + 4 / n)
    assert wider.low == approx(centre - spread)
    assert wider.high > told.high


def test_both_extremes_are_the_posterior_where_the_evidence_is_sure():
    sure = replace(EIGHT, doubt=np.zeros(8))
    quality = np.array([0.01, 0.9, 0.9, 0.9, 0.2, 0.9, 0.9, 0.99])
    told = noise_interval(sure, quality, PLAIN)
    assert (told.own_errors, told.weakness, told.flat, told.severity) == (0, 0, 0, 0)
    for view in (told.cautious, told.middle):
        assert view(quality).tolist() == quality.tolist()
    assert told.severe(quality) == approx(quality)
    assert not told.weak


def test_where_the_labels_err_so_many_are_wrong_on_average():
    config = replace(PLAIN, weak_from=1e-6)
    quality = np.array([0.01, 0.9, 0.99, 0.999, 0.2, 0.9, 0.9, 0.99])
    told = noise_interval(EIGHT, quality, config)
    assert told.weak
    assert 1 - told.severe(quality).mean() == approx(1 - 0.75 * (1 - 0.801 / 8), abs=1e-4)


def test_the_middle_lies_between_and_keeps_the_order():
    quality = np.array([0.0, 1e-9, 0.01, 0.2, 0.5, 0.9, 0.999999, 1.0])
    told = noise_interval(EIGHT, quality, PLAIN)
    middle = told.middle(quality)
    assert (np.diff(middle) > 0).all()
    cautious = quality + (1 - quality) * told.flat
    assert (middle <= cautious + 1e-9).all()
    assert (middle >= told.severe(quality) - 1e-9).all()


def test_no_anchor_contradicts():
    # Nothing tells whether there is noise: what is contradicted elsewhere may be right.
    calm = replace(EIGHT, contradicted=np.array([0, 0, 0, 0, 1, 1, 0, 0], bool))
    told = noise_interval(calm, NINE_TENTHS, DoubtConfig())
    assert told.own_errors == approx(0.2)
    none = noise_interval(rows([0, 1], [0.5, 0.5], [True, False]), np.full(2, 0.9), DoubtConfig())
    assert none.low == 0.0
    assert none.weak
    assert none.least == approx([0.0, 0.5], abs=0.01)


def test_rows_without_a_label_are_left_alone():
    partly = replace(EIGHT, labelled=np.array([True] * 6 + [False] * 2))
    quality = np.where(partly.labelled, 0.9, np.nan)
    told = noise_interval(partly, quality, PLAIN)
    assert told.agreement == approx(4 / 6)
    assert np.isnan(told.middle(quality)).tolist() == (~partly.labelled).tolist()
    assert np.isnan(told.cautious(quality)).tolist() == (~partly.labelled).tolist()
    nothing = replace(EIGHT, labelled=np.zeros(8, bool))
    told = noise_interval(nothing, np.full(8, np.nan), PLAIN)
    assert (told.low, told.high, told.weak) == (0, 1, False)


@pytest.mark.parametrize(("own_errors", "weakness"), [(0.03, 0.008), (0.1, 0.5), (0.3, 0.988)])
def test_trust_ends_suddenly(own_errors, weakness):
    # A tenth is half, and by the fourth power: (0.3 / 0.1)^4 = 81, 81 / 82.
    heard = rows([1, 0], [own_errors, 0.0], [True, True])
    told = noise_interval(heard, np.array([0.01, 0.99]), DoubtConfig())
    assert told.weakness == approx(weakness, abs=1e-3)


def test_what_is_said():
    told = NoiseInterval(0.04, 0.31, 0.65, 0.354, 0.99, np.zeros(0, bool), np.zeros(0), 0.0, 0.0)
    assert interval_in_words(told) == (
        "Between 4.0% and 31.0% of the given labels are wrong, as far as the table itself can "
        "tell; errors that follow a rule can't be excluded. To know it, look at 100 rows: "
        "labelmend audit"
    )
    said = weakness_in_words(told)
    assert "agrees with 65% of the given ones" in said
    assert "35% of its most decisive contradictions may be errors of its own" in said


def test_the_order_of_rows_changes_nothing():
    rng = np.random.default_rng(0)
    heard = rows(rng.random(500) < 0.2, rng.random(500) / 3, rng.random(500) < 0.5)
    quality, order = rng.random(500), rng.permutation(500)
    other = Heard(*(part[order] for part in vars(heard).values()))
    one, two = (noise_interval(h, q, PLAIN) for h, q in ((heard, quality), (other, quality[order])))
    assert (one.low, one.high, one.own_errors) == (two.low, two.high, two.own_errors)
    assert (one.flat, one.severity) == (two.flat, two.severity)
    assert one.middle(quality)[order].tolist() == two.middle(quality[order]).tolist()
