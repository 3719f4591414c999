"""A table ranked anew: what was said comes last, and what it teaches moves the others."""

import json
import subprocess
import sys

import numpy as np
import pytest
from fixtures.indexed import add_index, sign
from fixtures.reviewed import LABELS, given, proposed, write_reviewed

from labelmend.configs.load import load_config
from labelmend.data.answer_file import append_answers
from labelmend.data.answers import Answer, Saw, Shown, now, text_sha256
from labelmend.errors import InputError
from labelmend.relabel.labelmodel.answered import Spoken
from labelmend.review.ranking.kept import Kept, read_kept
from labelmend.review.ranking.light import rank_anew, with_answers
from labelmend.review.ranking.ranking import Ranking
from labelmend.runs.layout import OutputPaths
from labelmend.types import Evidence

CONFIG = load_config()


@pytest.fixture
def path(tmp_path):
    return write_reviewed(tmp_path, 48)


def said(path, row, label):
    text = f"number {row}: where is my card?"
    return Answer(
        text_sha256=text_sha256(text),
        id=f"r{row + 1}",
        verdict="label" if label else "none",
        labels=(label,) if label else (),
        who="anna",
        when=now(),
        shown=Shown("queue"),
        saw=Saw(given=True, proposed=True),
    )


def answered(path, labels):
    file = path.with_name("answers.jsonl")
    append_answers(file, [said(path, row, label) for row, label in labels.items()])
    return file


def test_what_the_evidence_file_keeps(path):
    index = add_index(path)
    kept = read_kept(OutputPaths.beside(path).evidence, index, [0, 5], answered=False)
    # Row 0 proposes card_stolen, was given card_lost; the last of five labels only fills the row.
    names = [[LABELS[k] for k in row] for row in kept.candidates]
    assert names[0][:4] == ["card_stolen", "card_lost", "exchange_rate", "fees"]
    assert kept.believed[0].tolist() == [0.75, 0.125, 0.05, 0.05]
    (neighbour,) = kept.evidence
    assert (neighbour.source, neighbour.scores[0].tolist()) == ("neighbour", [2.5, 0, 0, 0])
    # e^2.5 against three of e^0: what the given label says is not in it.
    np.testing.assert_allclose(np.exp(kept.log_prior[0, 0]), 12.1825 / 15.1825, rtol=1e-4)
    with_learned = read_kept(OutputPaths.beside(path).evidence, index, [0], answered=True)
    # And here it is: the channel's one nat for the given label.
    total = 12.1825 + np.e + 2
    np.testing.assert_allclose(with_learned.believed[0, :2], [12.1825 / total, np.e / total], 1e-4)


def test_a_candidate_that_is_missing_gets_another_label(path):
    evidence = path.with_suffix(".evidence.jsonl")
    lines = evidence.read_text().splitlines()
    fields = json.loads(lines[0])
    fields["candidates"] = fields["candidates"][:2]
    lines[0] = json.dumps(fields)
    evidence.write_text("\n".join([*lines, ""]))
    kept = read_kept(evidence, add_index(path), [0, 1], answered=False)
    assert kept.candidates.shape == (2, 4)
    assert sorted(set(kept.candidates[0].tolist())) == [0, 1, 2, 3]
    assert kept.believed[0].tolist() == [0.75, 0.125, 0, 0]
    assert (kept.log_prior[0, 2:] < -15).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields["candidates"][0].update(label="no such label"),
        lambda fields: fields["candidates"][0].update(posterior="x"),
        lambda fields: fields["candidates"][0]["nats"].update(neighbour=1e12),
        lambda fields: fields["candidates"][0].update(channel=float("nan")),
        lambda fields: fields.pop("candidates"),
        lambda fields: fields.update(candidates=3),
        lambda fields: fields["candidates"][0].update(nats=None),
    ],
)
def test_damaged_evidence_is_told(path, change):
    evidence = path.with_suffix(".evidence.jsonl")
    first, *rest = evidence.read_text().splitlines()
    fields = json.loads(first)
    change(fields)
    evidence.write_text("\n".join([json.dumps(fields), *rest, ""]))
    with pytest.raises(InputError, match=r"mended\.evidence\.jsonl: "):
        read_kept(evidence, add_index(path), [0, 1], answered=False)


def test_evidence_that_is_not_that_of_the_index(path):
    index = add_index(path)
    evidence = path.with_suffix(".evidence.jsonl")
    evidence.write_bytes(evidence.read_bytes().replace(b'"id":"r2"', b'"id":"r3"'))
    with pytest.raises(InputError, match="line 2 is not as the run left it"):
        read_kept(evidence, index, [0, 1], answered=False)


def test_an_answer_takes_the_place_of_the_least_probable_other_label():
    kept = Kept(
        candidates=np.array([[0, 1, 2], [0, 1, 2]]),
        log_prior=np.log([[0.7, 0.1, 0.2], [0.7, 0.1, 0.2]]),
        believed=np.array([[0.5, 0.4, 0.1], [0.5, 0.4, 0.1]]),
        evidence=(Evidence("s", np.ones((2, 3), dtype=np.float32)),),
    )
    spoken = Spoken(
        *(np.array([0, 1]), np.array([3, 2]), np.ones(2), None, np.ones(2), np.zeros(2, bool)),
        *({}, 0, ()),
    )
    found = with_answers(kept, spoken, np.array([1, 1]))
    # Label 1 is less probable than 2, but it was given.
    assert found.candidates.tolist() == [[0, 1, 3], [0, 1, 2]]
    assert found.believed[0].tolist() == [0.5, 0.4, 1e-4]
    assert np.isnan(found.evidence[0].scores).tolist() == [[False, False, True], [False] * 3]
    assert not np.isnan(kept.evidence[0].scores).any()


def test_few_answers_teach_nothing_and_are_done_with(path):
    add_index(path)
    answers = answered(path, {4: "card_stolen", 8: None})
    found = rank_anew(path, answers, CONFIG)
    assert sorted(found.ranked.tolist()) == list(range(48))
    assert set(found.ranked[-2:].tolist()) == {4, 8}
    assert found.doubt[[4, 8]].tolist() == [0, 0]
    # In doubt: the given label stands, and has 0.125. Changed and kept: the proposal has 0.75.
    assert found.doubt[:4].tolist() == [0.875, 0.25, 0.25, 0.25]
    assert found.doubt[found.ranked[0]] == 0.875


def test_many_answers_teach_the_others(path):
    """Whenever the proposal contradicts the given label, people say that the given one is right."""
    add_index(path)
    labels = {row: given(row) for row in range(4, 44)}
    found = rank_anew(path, answered(path, labels), CONFIG)
    assert set(found.ranked[8:].tolist()) == set(labels)
    # Row 0 keeps its given label, which is now believed; row 1 was changed, which is now in doubt.
    assert found.doubt[0] < 0.5
    assert found.doubt[1] > 0.5
    assert found.doubt[[0, 44]].max() < found.doubt[[1, 45]].min()
    other = path.with_name("other.jsonl")
    append_answers(other, [said(path, row, proposed(row)) for row in labels])
    found = rank_anew(path, other, CONFIG)
    assert found.doubt[0] > 0.5
    assert found.doubt[1] < 0.25


def test_the_child_writes_a_ranking_or_says_why_not(path):
    add_index(path)
    answers = answered(path, {row: given(row) for row in range(25)})
    profile, output = path.with_name("p.yaml"), path.with_name("ranking.npz")
    profile.write_text("extends: embedded\n")

    def child():
        words = [sys.executable, "-m", "labelmend.review.ranking"]
        words += list(map(str, (path, answers, profile, output)))
        return subprocess.run(words, capture_output=True, text=True)

    assert child().returncode == 0
    found = Ranking.read(output, 48)
    assert set(found.ranked[-25:].tolist()) == set(range(25))
    with pytest.raises(InputError, match="another number of rows"):
        Ranking.read(output, 47)
    path.with_suffix(".index.arrow").write_bytes(b"torn")
    sign(path)
    ended = child()
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "index.arrow: is damaged" in ended.stderr
