import numpy as np
import pytest
from scipy.sparse import csr_array

from labelmend.configs.schema import CorrectionConfig, DecisionConfig
from labelmend.data.answers import MatchedAnswers
from labelmend.relabel.labelmodel.answered import Spoken, learn_from_answers
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.labelmodel.fusion import Fit
from labelmend.relabel.labelmodel.noise_channel import FIRST_GUESS
from labelmend.relabel.labelmodel.types import Posterior
from labelmend.retrieval.candidates import Candidates
from labelmend.types import NO_LABEL, Dataset, Evidence


def matched(*entries):
    """Answers as (text, label, who, inclusion); a label of None for a person who is unsure."""
    known = [e[3] if len(e) > 3 else None for e in entries]
    return MatchedAnswers(
        text=np.array([e[0] for e in entries], dtype=np.int64),
        label=np.array([NO_LABEL if e[1] is None else e[1] for e in entries], dtype=np.int64),
        unsure=np.array([e[1] is None for e in entries]),
        who=tuple(e[2] for e in entries),
        audit=np.array([k is not None for k in known]),
        inclusion=np.array([np.nan if k is None else k for k in known]),
        stratum=tuple(None if k is None else "kept" for k in known),
        design=tuple(None if k is None else "d" for k in known),
        anchored=np.zeros(len(entries), dtype=bool),
        notes=(),
    )


def test_several_peoples_words_are_one():
    spoken = Spoken.of(
        matched((4, 1, "ann"), (2, 0, "ann"), (4, 1, "bob"), (7, None, "bob"), (2, 0, "cy")), 3
    )
    assert spoken.texts.tolist() == [2, 4]
    assert spoken.label.tolist() == [0, 1]
    assert (spoken.probability > 0.99).all()
    assert spoken.unsure == 1
    assert set(spoken.people) == {"ann", "bob", "cy"}


def test_who_is_sure_where_another_is_not_is_heard():
    spoken = Spoken.of(matched((3, None, "ann"), (3, 2, "bob")), 3)
    assert spoken.texts.tolist() == [3]
    assert spoken.unsure == 0


def test_an_audit_that_went_on_drew_all_with_its_last_odds():
    spoken = Spoken.of(matched((1, 0, "ann", 0.1), (2, 0, "ann", 0.25), (3, 0, "ann")), 2)
    np.testing.assert_allclose(spoken.weight, [4, 4, 1])
    assert spoken.audit.tolist() == [True, True, False]


def test_answers_stand_in_the_place_of_given_labels():
    given = csr_array(np.array([[1, 0, 0], [0, 3, 0], [0, 0, 0], [1, 0, 1]], dtype=np.float32))
    spoken = Spoken.of(matched((1, 2, "ann"), (2, 0, "ann"), (3, NO_LABEL, "ann")), 3)
    told = spoken.instead_of(given).toarray()
    assert told.tolist() == [[1, 0, 0], [0, 0, 3], [1, 0, 0], [0, 0, 0]]


def fitted(probabilities, given):
    texts, labels = probabilities.shape
    candidates = np.tile(np.arange(labels), (texts, 1))
    shares = (candidates == given[:, None]).astype(float)
    posterior = Posterior(
        candidates=candidates,
        probabilities=probabilities,
        channel=FIRST_GUESS,
        weights={},
        oos_bias=0.0,
        channel_nats=np.zeros((texts, labels)),
        given_share=shares,
    )
    log_prior = np.log(probabilities)
    fit = Fit(posterior, log_prior, np.zeros((texts, labels)), np.ones(texts, dtype=bool))
    return fit, Candidates(candidates, 0, np.zeros(labels))


def learned(spoken, texts=4, **config):
    probabilities = np.tile([0.6, 0.3, 0.1], (texts, 1))
    given = np.zeros(texts, dtype=np.int64)
    fit, candidates = fitted(probabilities, given)
    counts = csr_array((np.arange(3) == given[:, None]).astype(np.float32))
    vectors = np.eye(texts, 4, dtype=np.float32)
    silent = Evidence("words", np.full((texts, 3), np.nan, dtype=np.float32))
    answered = learn_from_answers(
        spoken, fit, (silent,), candidates, counts, vectors, 0.1, CorrectionConfig(**config), 0
    )
    return answered, fit


def test_few_answers_settle_their_own_texts_alone():
    answered, fit = learned(Spoken.of(matched((1, 2, "ann")), 3))
    assert answered.correction is None
    assert answered.evidence == ()
    probabilities = answered.fit.posterior.probabilities
    assert probabilities[1].argmax() == 2
    np.testing.assert_array_equal(probabilities[[0, 2, 3]], fit.posterior.probabilities[[0, 2, 3]])
    held_out = answered.held_out.probabilities
    np.testing.assert_array_equal(held_out[[0, 2, 3]], fit.posterior.probabilities[[0, 2, 3]])
    # Without the answer: what the evidence says, (0.6, 0.3, 0.1), times the given label's 0.9 to
    # 0.05 and 0.05, over their sum of 0.56; of 0.1 * exp(-4.5 * 0.9643) the given label stands.
    np.testing.assert_allclose(held_out[1], [0.964333, 0.026751, 0.008917], atol=1e-6)


def test_many_answers_are_a_source_of_their_own():
    spoken = Spoken.of(matched(*((i, 1, "ann") for i in range(30))), 3)
    answered, _ = learned(spoken, texts=60)
    # All that were asked carry 1 and not 0, so the others most likely do.
    rest = answered.fit.posterior.probabilities[30:]
    assert (rest.argmax(axis=1) == 1).all()
    assert (answered.held_out.probabilities[:30].argmax(axis=1) == 1).all()
    (said,) = answered.evidence
    assert said.source == "answers"
    assert answered.fit.posterior.weights == {"answers": 1.0}
    # Its nats lead from the fusion to the new posterior.
    nats = answered.fit.log_prior[30:] + said.scores[30:]
    np.testing.assert_allclose(nats[:, 1] - nats[:, 0], np.log(rest[:, 1] / rest[:, 0]), atol=1e-5)


def rows(given):
    labels = ("a", "b", "c")
    return Dataset(
        tuple(map(str, range(len(given)))),
        tuple(f"text {i}" for i in range(len(given))),
        np.array(given, dtype=np.int64),
        labels,
        None,
    )


def test_rows_of_an_answered_text_carry_the_answer_and_cost_no_budget():
    probabilities = np.array([[0.02, 0.96, 0.02], [0.01, 0.98, 0.01], [0.97, 0.02, 0.01]])
    fit, _ = fitted(probabilities, np.array([0, 0, 0]))
    spoken = Spoken.of(matched((0, 1, "ann"), (2, NO_LABEL, "ann")), 3)
    text_of = np.array([0, 0, 1, 2])
    decisions = decide(
        rows([0, 0, 0, 0]), text_of, fit.posterior, DecisionConfig(max_harm=1.0), spoken=spoken
    )
    assert decisions.actions == ("answered", "answered", "change", "answered")
    assert decisions.mended.tolist() == [1, 1, 1, NO_LABEL]
    assert decisions.expected_harm == pytest.approx(0.01)


def test_people_who_contradict_each_other_leave_the_row_to_review():
    probabilities = np.array([[0.01, 0.98, 0.01], [0.9, 0.05, 0.05]])
    fit, _ = fitted(probabilities, np.array([0, 0]))
    spoken = Spoken.of(matched((0, 1, "ann"), (0, 2, "bob")), 3)
    decisions = decide(
        rows([0, 0]), np.array([0, 1]), fit.posterior, DecisionConfig(max_harm=0.5), spoken=spoken
    )
    assert decisions.actions == ("review", "keep")
    assert decisions.mended.tolist() == [0, 0]


def test_a_row_that_all_others_dispute_is_never_kept_in_silence():
    probabilities = np.array([[0.9, 0.08, 0.02], [0.9, 0.05, 0.05]])
    fit, _ = fitted(probabilities, np.array([0, 0]))
    decisions = decide(
        rows([0, 0]),
        np.array([0, 1]),
        fit.posterior,
        DecisionConfig(),
        disputed=np.array([2, NO_LABEL]),
    )
    assert decisions.actions == ("review", "keep")
    assert decisions.proposed.tolist() == [2, 0]
    assert decisions.mended.tolist() == [0, 0]


def test_the_queue_begins_where_a_look_gains_most_and_ends_with_what_is_settled():
    probabilities = np.array([[0.01, 0.98, 0.01], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    fit, _ = fitted(probabilities, np.array([0, 0, 0]))
    spoken = Spoken.of(matched((2, 1, "ann")), 3)
    decisions = decide(
        rows([0, 0, 0]),
        np.arange(3),
        fit.posterior,
        DecisionConfig(max_harm=1.0),
        spoken=spoken,
    )
    assert decisions.actions == ("change", "keep", "answered")
    # The change is all but sure; the label that stays is wrong in two of five such rows.
    assert decisions.review_order.tolist() == [1, 0, 2]
