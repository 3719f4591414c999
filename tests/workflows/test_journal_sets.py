"""The log of a model of several labels a text: shown, queued, reviewed, and made into rows."""

import csv
import json

import pytest
from fixtures.logged import LABELS, NOW
from fixtures.reviewed import Served
from fixtures.reviewed_sets import SetClient

from labelmend.configs.load import load_config
from labelmend.data.answer_file import read_answers
from labelmend.data.request import TableRequest
from labelmend.data.sets.label_sets import load_sets
from labelmend.errors import InputError
from labelmend.journal.entries import Entry, Guess, LogRules, Said
from labelmend.journal.log import Journal
from labelmend.journal.sets import packed
from labelmend.review.sets.table import SetTable
from labelmend.workflows.journal import (
    ExportRequest,
    QueueRequest,
    export_rows,
    requests_of,
    summary_of,
    write_queue,
)


def entry(name, text, labels, probability, top):
    return Entry(
        name, text, (Guess("m1", packed(labels), probability, False, top),), "anna", at=NOW
    )


@pytest.fixture
def log(tmp_path):
    """A text that is sure, one that is asked thrice and in doubt, one that a person corrected."""
    path = tmp_path / "log.sqlite"
    rules = LogRules(texts=True)
    with Journal(path, rules, clock=lambda: NOW + 5, task="several") as journal:
        journal.know_labels(LABELS, None)
        journal.record(
            [entry("sure", "where is my card?", ["card_lost"], 0.99, (("card_lost", 0.99),))]
        )
        top = (("fees", 0.8), ("oos", 0.6), ("card_lost", 0.3))
        for i in range(3):
            journal.record([entry(f"fee{i}", "What,\n a fee?", ["fees", "oos"], 0.5, top)])
        journal.record([entry("bad", "=2+2", [], 0.9, (("fees", 0.1),))])
        said = Said("bad", "carl", "labels", labels=("pin_reset", "fees"))
        journal.feedback(said, LABELS)
    return path


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_summary_counts_each_label(log):
    found = summary_of(log)
    assert found.labels == {"fees": 3, "oos": 3, "card_lost": 1}
    assert (found.requests, found.feedback, found.wrong) == (5, 1, 1)
    (one,) = requests_of(log, "bad")
    assert (one.guesses[0].label, one.words[0].label) == ("[]", '["fees", "pin_reset"]')


def test_a_queue_is_a_table_that_review_reads(log, tmp_path):
    output = tmp_path / "queue.csv"
    done = write_queue(QueueRequest(log), output)
    assert (done.rows, done.texts) == (3, 3)
    assert sorted(path.name for path in tmp_path.glob("queue*")) == [
        *("queue.csv", "queue.evidence.jsonl", "queue.run.json")
    ]
    # 3 * 0.5, 1 - 2 * 0.9 / 3 and 0.01
    assert done.expected_wrong == pytest.approx(1.5 + 0.4 + 0.01)
    rows = rows_of(output)
    assert [row["id"] for row in rows] == ["fee2", "bad", "sure"]
    assert rows[0] == {
        "id": "fee2",
        "text": "What,\n a fee?",
        "labels": '["fees", "oos"]',
        "mended_labels": '["fees", "oos"]',
        "added": "",
        "removed": "",
        "decision": "review",
        "label_quality": "0.5",
        "confidence": "0.5",
        "requests": "3",
        "feedback": "0",
        "last_asked": "2026-09-21T14:13:20Z",
        "rising": "false",
    }
    table = SetTable.of(TableRequest(output))
    assert table.notes == ()
    assert table.label_set == frozenset(LABELS)
    assert [table.ids[row] for row in table.order] == ["fee2", "bad", "sure"]
    assert table.doubt.tolist() == pytest.approx([0.5, 0.4, 0.01])
    found = table.evidence.explanation(1, "=2+2")
    assert found.reason == "Asked 1 time; 1 of 1 that spoke say that the labels are wrong."
    # (2 * 0.1 + 1) / 3 and 1 / 3
    assert [(one.label, one.holds) for one in found.labels] == [
        *(("fees", 0.4), ("pin_reset", 0.333333))
    ]
    record = json.loads((tmp_path / "queue.run.json").read_text())
    assert (record["task"], record["labels"]["fees"]["given"]) == ("several", 1)
    # Of fees, oos and card_lost as called: 0.2 + 0.4 + 0.01 of 3.
    assert record["estimated_wrong"] == pytest.approx(0.61 / 3, abs=1e-6)


def test_what_reviewers_say_becomes_rows(log, tmp_path):
    """The whole round: queue, page, answers, new rows, which are read as sets again."""
    queue, new = tmp_path / "queue.csv", tmp_path / "new_rows.csv"
    write_queue(QueueRequest(log), queue)
    with Served(queue) as page:
        tab = SetClient(page.client().http)
        item = tab.next()
        assert (item["id"], item["given"]) == ("fee2", ["fees", "oos"])
        assert tab.answer(item["row"], ("fees", "card_lost")).status_code == 200
        answers = page.answers
    made = export_rows(ExportRequest(log, answers), new)
    assert (made.torn, made.unnamed, made.unsure, made.beyond) == (0, 0, 0, 0)
    found = [(row["text"], row["labels"], row["settled_by"]) for row in rows_of(new)]
    assert found == [
        ("=2+2", '["fees", "pin_reset"]', "feedback"),
        ("What,\n a fee?", '["card_lost", "fees"]', "review"),
    ]
    assert rows_of(new)[1]["answered_labels"] == '["fees", "oos"]'
    sets = load_sets(TableRequest(new, label_column="labels"), load_config().data).sets
    assert sets.labels == ("card_lost", "fees", "pin_reset")
    assert sets.given.tolist() == [[False, True, True], [True, True, False]]
    # What is answered is not asked again.
    assert write_queue(QueueRequest(log, answers=answers), queue).texts == 2


def test_what_senders_say_is_a_file_of_answers_that_only_grows(log, tmp_path):
    feedback = tmp_path / "feedback.jsonl"
    for _ in range(2):
        export_rows(ExportRequest(log, feedback=feedback), tmp_path / "new.csv")
    (answer,) = read_answers(feedback, "several").answers
    assert (answer.id, answer.labels) == ("bad", ("fees", "pin_reset"))
    with pytest.raises(InputError, match="line 1: "):  # they are of another task
        read_answers(feedback)
