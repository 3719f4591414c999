import numpy as np
import pytest

from labelmend.relabel.people import (
    PRIOR_ACCURACY,
    PRIOR_STRENGTH,
    Reliability,
    people_reliability,
    settle_answers,
)
from labelmend.types import NO_LABEL


def ints(*values):
    return np.array(values, dtype=np.int64)


def relied(**accuracies):
    return {name: Reliability(a, 1, 1) for name, a in accuracies.items()}


def entries(settled):
    return list(zip(settled.text.tolist(), settled.label.tolist(), strict=True))


def test_one_person_is_as_reliable_as_the_prior_says():
    found = people_reliability(ints(0, 1, 2), ints(0, 1, 0), ["anna"] * 3, 4)
    assert found == {"anna": Reliability(0.97, 3, 0)}
    settled = settle_answers(ints(2, 0, 1), ints(0, 0, 1), ["anna"] * 3, 4, found)
    assert entries(settled) == [(0, 0), (1, 1), (2, 0)]
    # What is missing to 1 belongs to the three labels that nobody gave.
    assert settled.probability == pytest.approx([0.97] * 3)


def test_people_who_share_no_text_are_too():
    found = people_reliability(ints(0, 1), ints(0, 1), ["bob", "anna"], 4)
    assert found == {"anna": Reliability(0.97, 1, 0), "bob": Reliability(0.97, 1, 0)}
    assert list(found) == ["anna", "bob"]


def test_two_who_disagree_by_hand():
    # Five labels. Of label 1: 0.9 * 0.2 / 4 = 0.045; of 2: 0.8 * 0.1 / 4 = 0.02; of each of the
    # other three: 0.1 / 4 * 0.2 / 4 = 0.00125.
    people = relied(anna=0.9, bob=0.8)
    settled = settle_answers(ints(7, 7), ints(1, 2), ["anna", "bob"], 5, people)
    assert entries(settled) == [(7, 1), (7, 2)]
    total = 0.045 + 0.02 + 3 * 0.00125
    assert settled.probability == pytest.approx([0.045 / total, 0.02 / total])


def test_two_who_agree_are_surer_than_one():
    # Three labels: 0.9 * 0.8 against twice 0.1 / 2 * 0.2 / 2.
    people = relied(anna=0.9, bob=0.8)
    settled = settle_answers(ints(3, 3), ints(1, 1), ["anna", "bob"], 3, people)
    assert entries(settled) == [(3, 1)]
    assert settled.probability == pytest.approx([0.72 / (0.72 + 2 * 0.005)])


def test_one_who_is_worse_than_chance_speaks_against():
    # Two labels: 0.2 against 0.8.
    settled = settle_answers(ints(0), ints(1), ["eve"], 2, relied(eve=0.2))
    assert settled.probability == pytest.approx([0.2])


def test_none_of_these_is_an_answer_like_any_other():
    # Two labels and "none" are three possible answers, on the other text too.
    people = relied(anna=0.9, bob=0.8)
    settled = settle_answers(
        ints(0, 0, 1), ints(NO_LABEL, 1, 0), ["anna", "bob", "anna"], 2, people
    )
    assert entries(settled) == [(0, NO_LABEL), (0, 1), (1, 0)]
    total = 0.9 * 0.1 + 0.05 * 0.8 + 0.05 * 0.1
    assert settled.probability == pytest.approx([0.09 / total, 0.04 / total, 0.9])


def test_the_accuracy_is_where_expectation_and_maximisation_meet():
    # Two people agree on every one of 10 texts. By symmetry one accuracy a, with V = 2:
    # p = a^2 / (a^2 + (1 - a)^2), and a = (10 p + 19.4) / 30.
    texts = np.repeat(np.arange(10), 2)
    found = people_reliability(texts, np.zeros(20, dtype=np.int64), ["anna", "bob"] * 10, 2)
    a = found["anna"].accuracy
    p = a**2 / (a**2 + (1 - a) ** 2)
    assert a == pytest.approx((10 * p + PRIOR_STRENGTH * PRIOR_ACCURACY) / (10 + PRIOR_STRENGTH))
    assert a == pytest.approx(0.97979, abs=1e-4)
    assert found["bob"] == Reliability(a, 10, 10)


def crowd(seed=0, total=400, labels=5):
    """Three people on the same texts, and how often each of them is right."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, labels, total)
    rates = {"anna": 0.95, "bob": 0.9, "carl": 0.6}
    texts, said, who, right = [], [], [], {}
    for name, rate in rates.items():
        wrong = (truth + generator.integers(1, labels, total)) % labels
        labels_said = np.where(generator.random(total) < rate, truth, wrong)
        right[name] = (labels_said == truth).mean()
        said += labels_said.tolist()
        texts += range(total)
        who += [name] * total
    return truth, ints(*texts), ints(*said), who, right


def test_known_accuracies_are_found_and_the_crowd_beats_its_best():
    truth, texts, said, who, right = crowd()
    found = people_reliability(texts, said, who, 5)
    for name, rate in right.items():
        assert found[name].accuracy == pytest.approx(rate, abs=0.03)
        assert (found[name].answers, found[name].shared) == (400, 400)
    settled = settle_answers(texts, said, who, 5, found)
    best = np.full(400, -1)
    for text, label, p in zip(settled.text, settled.label, settled.probability, strict=True):
        if p > 0.5:
            best[text] = label
    assert (best == truth).mean() > (said[:400] == truth).mean()


def test_a_text_that_one_person_alone_answered_says_nothing_of_them():
    _, texts, said, who, _ = crowd()
    alone = np.arange(1000, 1500)
    more = people_reliability(
        np.concatenate([texts, alone]),
        np.concatenate([said, alone % 5]),
        [*who, *["carl"] * 500],
        5,
    )
    found = people_reliability(texts, said, who, 5)
    assert more["carl"].accuracy == pytest.approx(found["carl"].accuracy, abs=1e-9)
    assert (more["carl"].answers, more["carl"].shared) == (900, 400)


def test_the_order_of_answers_does_not_matter():
    _, texts, said, who, _ = crowd(total=60)
    order = np.random.default_rng(1).permutation(len(texts))
    found = people_reliability(texts, said, who, 5)
    turned = people_reliability(texts[order], said[order], [who[i] for i in order], 5)
    # To the last bit.
    assert found == turned
    one = settle_answers(texts, said, who, 5, found)
    other = settle_answers(texts[order], said[order], [who[i] for i in order], 5, turned)
    assert entries(one) == entries(other)
    assert (one.probability == other.probability).all()


def test_many_who_agree_are_sure_and_finite():
    names = [f"p{i}" for i in range(2000)]
    people = people_reliability(np.zeros(2000, int), np.zeros(2000, int), names, 3)
    settled = settle_answers(np.zeros(2000, int), np.zeros(2000, int), names, 3, people)
    assert settled.probability == pytest.approx([1.0])
    assert np.isfinite(settled.probability).all()


def test_no_answers_no_people():
    none = np.zeros(0, dtype=np.int64)
    assert people_reliability(none, none, [], 3) == {}
    assert len(settle_answers(none, none, [], 3, {})) == 0
