"""New rows of several labels, mended in a small world of clear clusters."""

from collections import Counter

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.data.dataset import ColumnChoice
from labelmend.data.sets.label_sets import LabelSets, SetShape
from labelmend.journal.sets import labels_in, packed
from labelmend.protocols import NoProgress
from labelmend.retrain.known import is_held_out
from labelmend.retrain.rows import NewRow
from labelmend.retrain.sets.known import KnownSets
from labelmend.retrain.sets.mending import mend_sets, texts_to_place_sets

LABELS = ("a", "b", "c")
KINDS = ((0,), (1,), (0, 1), (2,))
SHARE = 0.3


def place(text):
    """A text's vector: the sum of its labels' axes, and a little of its own."""
    kind, number = text.split()
    vector = np.random.default_rng(int(number)).normal(size=8) * 0.1
    for k in KINDS[int(kind)]:
        vector[k] += 1
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def true(text):
    return tuple(LABELS[k] for k in KINDS[int(text.split()[0])])


KNOWN = [f"{number % 4} {number}" for number in range(200)]


@pytest.fixture
def known():
    given = np.array([[label in true(text) for label in LABELS] for text in KNOWN])
    return KnownSets(
        sets=LabelSets(tuple(KNOWN), tuple(KNOWN), given, LABELS),
        came=given,
        confidence=np.ones(200),
        answered=np.zeros(200, dtype=bool),
        held_out=np.array([is_held_out(text, SHARE) for text in KNOWN]),
        columns=ColumnChoice("text", "labels", None, ()),
        shape=SetShape("labels", ";"),
        base_rows=200,
        base_sha256="0" * 64,
        in_base=Counter(),
        notes=(),
    )


def mended(known, said, rows="labels"):
    new = [NewRow("s", "", text, packed(labels), rows) for text, labels in said]
    texts = texts_to_place_sets(known, new)
    vectors = np.stack([place(text) for text in texts])
    config = load_config("embedded", ["decision.max_harm=0.02"])
    return mend_sets(known, new, vectors, config, SHARE, NoProgress())


def new_texts(count):
    return [f"{number % 4} {number}" for number in range(1000, 1000 + count)]


def test_texts_that_are_held_out_need_no_vectors(known):
    assert set(texts_to_place_sets(known, ())) == {
        text for text in KNOWN if not is_held_out(text, SHARE)
    }


def test_what_is_forgotten_and_what_does_not_hold(known):
    texts = new_texts(60)
    said = [(text, true(text)) for text in texts]
    said[2] = (texts[2], ("a",))  # b is forgotten
    said[3] = (texts[3], ("a", "c"))  # a does not hold
    found = mended(known, said)
    assert [labels_in(row.mended) for row in found.rows] == [true(text) for text in texts]
    decisions = [row.decision for row in found.rows]
    assert [i for i, said in enumerate(decisions) if said == "change"] == [2, 3]
    assert {row.side for row in found.rows} == {"train", "held out"}
    # Each text and label is a case; of a that does not hold at text 3 others are likelier.
    assert len(found.judged.given) == sum(len(labels) for _, labels in said)
    unlikely = found.judged.rank > 0
    assert unlikely.sum() <= 2
    assert len(found.settled.given) == 0
    assert len(found.known.given) == sum(
        len(true(text)) for text in KNOWN if not is_held_out(text, SHARE)
    )
    assert (found.known.rank > 0).mean() < 0.05
    assert set(found.channel_record) == set(LABELS)


def test_what_people_settled_stays_whatever_evidence_says(known):
    texts = new_texts(12)
    found = mended(known, [(text, ("c",)) for text in texts], "answers")
    assert {(row.mended, row.decision, row.confidence) for row in found.rows} == {
        ('["c"]', "answered", 1.0)
    }
    assert len(found.judged.given) == 0
    assert len(found.settled.given) == 12
    # c is wrong at three of four kinds.
    assert (found.settled.rank > 0).sum() >= 8


def test_labels_that_nobody_knows_wait_unless_a_person_names_them(known):
    texts = new_texts(8)
    said = [(text, true(text)) for text in texts[:-1]] + [(texts[-1], ("c", "new"))]
    found = mended(known, said)
    assert found.unknown == ("new",)
    assert (found.rows[-1].mended, found.rows[-1].decision) == ("", "review")
    found = mended(known, said, "corrections")
    assert found.unknown == ()
    assert labels_in(found.rows[-1].mended) == ("c", "new")
