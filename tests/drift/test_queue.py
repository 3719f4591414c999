from dataclasses import replace
from pathlib import Path

from fixtures.drifting import drawn

from labelmend.data.request import TableRequest
from labelmend.drift.measure import DriftSettings, find_drift
from labelmend.drift.observed import Observed
from labelmend.drift.queue import intent_queue
from labelmend.review.table import ReviewTable


def found_in(log):
    before = drawn(800, 0)
    return find_drift(before, log, DriftSettings(permutations=9)).intents


def observed(log):
    rows = tuple(str(i + 1) for i in range(len(log)))
    return Observed(
        *(Path("log.csv"), rows, log.texts, log.labels, log.outside, log.doubtful), predicted=True
    )


def test_people_review_the_examples_of_a_new_intent(tmp_path):
    log = drawn(600, 1, new=0.06)
    intents = found_in(log)
    made = intent_queue(observed(log), intents, [f"label{k}" for k in range(8)], "label7")
    names = ("new.csv", "new.evidence.jsonl", "new.run.json", "new.labels.yaml")
    contents = (made.table, made.evidence, made.record, made.labels)
    for name, content in zip(names, contents, strict=True):
        (tmp_path / name).write_bytes(content)
    table = ReviewTable.read(TableRequest(tmp_path / "new.csv"))
    examples = [log.texts[row] for row in intents[0].examples.tolist()]
    assert list(table.texts) == examples
    assert len(table.in_review) == len(examples)
    # The proposed name stands among the labels that an answer may name.
    proposed = f"new: {intents[0].name}"
    assert proposed in table.label_set
    assert {f"label{k}" for k in range(8)} <= table.label_set
    assert table.evidence.explanation(0, examples[0]).proposed == proposed
    assert table.given(0) == log.labels[log.texts.index(examples[0])]


def test_a_text_of_two_intents_is_asked_about_once():
    log = drawn(600, 1, new=0.06)
    (one,) = found_in(log)
    twice = (one, replace(one, name="other", examples=one.examples[::-1]))
    made = intent_queue(observed(log), twice, ["label0"], None)
    assert len(made.evidence.splitlines()) == len(one.examples)
    assert b"new: other" in made.labels
