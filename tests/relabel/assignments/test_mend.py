"""Tables with several labels a row, from texts to changes."""

import numpy as np
import pytest
from fixtures.assignments import made
from scipy.special import logit

import labelmend
from labelmend.configs.load import load_config
from labelmend.parallel import LOCAL
from labelmend.protocols import NoProgress
from labelmend.relabel.assignments import fusion as fusing
from labelmend.relabel.assignments import mend as mending
from labelmend.relabel.assignments.answers import AnsweredTexts
from labelmend.relabel.assignments.fusion import fuse


def test_wrong_assignments_are_found_and_mended():
    points, truth, given = made(0)
    beliefs = fuse(points, given, AnsweredTexts.none(6), 0, LOCAL, NoProgress())
    found = beliefs.holds > 0.5
    assert (given != truth).sum() > 80
    assert (found != truth).sum() < 0.4 * (given != truth).sum()
    # Each label's evidence is out of fold, so it does not repeat what was given.
    assert abs(beliefs.channel.forgotten.mean() - 0.1) < 0.04


def test_answers_show_by_how_much_beliefs_are_off():
    # A third of the labels is missing wherever the third direction is there: no accident.
    points, truth, given = made(2, 900)
    given = truth & ~(truth[:, [2]] & (np.arange(6) < 2))
    alone = fuse(points, given, AnsweredTexts.none(6), 0, LOCAL, NoProgress())
    known = np.arange(0, 900, 9)
    answers = AnsweredTexts(known, truth[known].astype(float))
    taught = fuse(points, given, answers, 0, LOCAL, NoProgress())
    unseen = np.setdiff1d(np.arange(900), known)

    def loss(found):
        right = np.where(truth, found.holds, 1 - found.holds)[unseen]
        return -np.log(np.maximum(right, 1e-6)).mean()

    assert loss(taught) < 0.75 * loss(alone)
    np.testing.assert_array_equal(taught.holds[known], answers.holds)


def test_what_is_believed_stands_between_the_extremes():
    points, truth, given = made(0)
    beliefs = fuse(points, given, AnsweredTexts.none(6), 0, LOCAL, NoProgress())
    middle = (logit(beliefs.cautious) + logit(beliefs.evidence)) / 2
    inside = np.abs(middle) < 10
    np.testing.assert_allclose(logit(beliefs.holds)[inside], middle[inside], atol=1e-3)
    noise = mending._range(beliefs.cautious, beliefs.evidence, given)
    wrong, missing = (given & ~truth).sum() / given.sum(), (truth & ~given).sum() / truth.sum()
    assert noise.wrong[0] < wrong < noise.wrong[1]
    assert noise.missing[0] < missing < noise.missing[1]
    # Where people answered, nothing stands between: they told.
    answers = AnsweredTexts(np.arange(50), truth[:50].astype(float))
    taught = fuse(points, given, answers, 0, LOCAL, NoProgress())
    assert taught.cautious is taught.holds


class Space:
    """Embeddings by text."""

    known = None

    def fit(self, texts, progress, executor):
        return np.stack([self.known[text.lower()] for text in texts])


@pytest.fixture
def table(monkeypatch):
    points, truth, given = made(1, 200)
    texts = [f"text {i:03}" for i in range(len(points))]
    monkeypatch.setattr(Space, "known", dict(zip(texts, points, strict=True)))
    monkeypatch.setattr(mending, "open_space", lambda encoders, models: Space())
    monkeypatch.setattr(mending, "locate", lambda name: name)
    sets = [[f"l{k}" for k in np.flatnonzero(row)] for row in given]
    return texts, sets, truth


def test_rows_in_another_order_and_copies(table):
    texts, sets, truth = table
    config = load_config("embedded", ["decision.max_harm=0.02"])
    found = labelmend.mend_sets(texts, sets, config)
    right = (found.mended == truth).mean()
    assert 1 - right < 0.6 * (found.given != truth).mean()
    assert found.labels == tuple(f"l{k}" for k in range(6))
    assert found.sets[0] == tuple(f"l{k}" for k in np.flatnonzero(found.mended[0]))
    order = np.random.default_rng(0).permutation(len(texts))
    mixed = labelmend.mend_sets([texts[i] for i in order], [sets[i] for i in order], config)
    np.testing.assert_array_equal(mixed.holds, found.holds[order])
    np.testing.assert_array_equal(mixed.mended, found.mended[order])
    # Three rows of a text, one of them with another case and other labels.
    copies = labelmend.mend_sets(
        [*texts, texts[0], texts[0].upper()], [*sets, sets[0], ["l5"]], config
    )
    assert (copies.holds[0] == copies.holds[-1]).all()
    np.testing.assert_allclose(copies.holds[1:-2], found.holds[1:], atol=0.1)


def test_what_few_copies_have_is_not_given_to_all(table):
    texts, sets, truth = table
    # Each text twice, in one of five the second time with a label that does not hold.
    more = [
        [*labels, f"l{np.flatnonzero(~row)[i % 4]}"] if i % 5 == 0 else labels
        for i, (labels, row) in enumerate(zip(sets, truth, strict=True))
    ]
    found = labelmend.mend_sets([*texts, *texts], [*sets, *more])
    first = ~found.given[: len(texts)] & ~truth & found.given[len(texts) :]
    assert first.sum() > 30
    # Taken for given, they would be believed.
    assert (found.holds[: len(texts)][first] > 0.5).mean() < 0.25


def test_one_text_is_left_as_it_is(table):
    texts, _, _ = table
    found = labelmend.mend_sets(texts[:1], [["a", "b"]], label_set=["a", "b", "c"])
    assert found.sets == (("a", "b"),)
    assert np.isfinite(found.holds).all()


def test_first_in_review_are_the_rows_in_doubt(table):
    texts, sets, truth = table
    found = labelmend.mend_sets(texts, sets)
    wrong = (found.mended != truth).any(axis=1)
    first = found.review_order[: len(texts) // 10]
    assert wrong[first].mean() > 2 * wrong.mean()
    assert sorted(found.review_order) == list(range(len(texts)))


def test_a_text_without_labels_is_a_row(table):
    texts, sets, _ = table
    found = labelmend.mend_sets(texts, [None, [], *sets[2:]], label_set=[f"l{k}" for k in range(7)])
    assert not found.given[:2].any()
    assert found.labels[-1] == "l6"
    assert not found.mended[:, 6].any()


@pytest.mark.parametrize(
    ("labels", "more", "said"),
    [
        ([[], [], []], {}, "no row has one"),
        ([["a"], ["b"]], {}, "3 texts and 2 lists of labels"),
        (["ab", "c", "d"], {}, "is a single string"),
        ([["a"], ["b"], [{}]], {}, r"labels\[2\]\[0\] is {}"),
        ([["a"], ["b"], ["c"]], {"label_set": ["a", "b"]}, "'c' not in label_set"),
    ],
)
def test_what_is_wrong_is_said(labels, more, said):
    with pytest.raises(ValueError, match=said):
        labelmend.mend_sets(["x", "y", "z"], labels, **more)


def test_more_assignments_than_are_learned_from_are_joined_alike(monkeypatch):
    points, truth, given = made(0)
    whole = fuse(points, given, AnsweredTexts.none(6), 0, LOCAL, NoProgress())
    monkeypatch.setattr(fusing, "_LEARNED_FROM", truth.size // 2)
    part = fuse(points, given, AnsweredTexts.none(6), 0, LOCAL, NoProgress())
    assert not np.array_equal(part.holds, whole.holds)
    assert np.abs(part.holds - whole.holds).mean() < 0.02


def test_very_many_assignments_take_fewer_steps(monkeypatch):
    points, truth, given = made(0)
    monkeypatch.setattr(fusing, "_MANY", given.size - 1)
    found = fuse(points, given, AnsweredTexts.none(6), 0, LOCAL, NoProgress()).holds > 0.5
    assert (found != truth).sum() < 0.5 * (given != truth).sum()
