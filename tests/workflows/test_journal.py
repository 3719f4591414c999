import csv
import json

import pytest
from fixtures.logged import DAY, LABELS, NOW, all_bytes, entry, guess
from fixtures.reviewed import Served

from labelmend.data.answer_file import read_answers
from labelmend.data.request import TableRequest
from labelmend.errors import ConfigError, InputError, OutputError
from labelmend.journal.entries import LogRules, Said
from labelmend.journal.forget import Forgotten
from labelmend.journal.keys import LogKey
from labelmend.journal.log import Journal
from labelmend.review.table import ReviewTable
from labelmend.workflows.journal import (
    ExportRequest,
    QueueRequest,
    expire_requests,
    export_rows,
    forget,
    requests_of,
    summary_of,
    write_queue,
)

TEXTS = LogRules(texts=True)


@pytest.fixture
def log(tmp_path):
    """Three texts: one sure, one asked thrice and in doubt, one that a person called wrong."""
    path = tmp_path / "log.sqlite"
    doubtful = {"label": "fees", "probability": 0.5}
    with Journal(path, TEXTS, clock=lambda: NOW + 5) as journal:
        journal.know_labels(LABELS, "oos")
        journal.record([entry("sure", "where is my card?", probability=0.99)])
        journal.record([entry(f"fee{i}", "What,\n a fee?", **doubtful) for i in range(3)])
        journal.record([entry("bad", "=2+2", sender="bert", probability=0.9)])
        journal.feedback(Said("bad", "carl", "label", "pin_reset"), LABELS)
    return path


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_queue_is_a_table_that_review_reads(log, tmp_path):
    output = tmp_path / "queue.csv"
    done = write_queue(QueueRequest(log), output)
    assert (done.rows, done.texts, done.rising) == (3, 3, ())
    # 3 * 0.5, (1 - (2 * 0.9) / 3), 0.01
    assert done.expected_wrong == pytest.approx(1.5 + 0.4 + 0.01)
    rows = rows_of(output)
    assert [row["id"] for row in rows] == ["fee2", "bad", "sure"]
    assert rows[0] == {
        "id": "fee2",
        "text": "What,\n a fee?",
        "label": "fees",
        "mended_label": "fees",
        "decision": "review",
        "label_quality": "0.5",
        "confidence": "0.5",
        "requests": "3",
        "feedback": "0",
        "last_asked": "2026-09-21T14:13:20Z",
        "rising": "false",
    }
    table = ReviewTable.read(TableRequest(output))
    assert table.notes == ()
    assert table.labels == LABELS
    assert [table.mended.dataset.ids[row] for row in table.order] == ["fee2", "bad", "sure"]
    assert table.doubt.tolist() == pytest.approx([0.5, 0.4, 0.01])
    found = table.evidence.explanation(1, "=2+2")
    assert found.reason == ("Asked 1 time; 1 of 1 that spoke say that card_lost is wrong.")
    assert found.votes["model m1"] == "card_lost"
    assert list(found.votes.values()) == ["card_lost", "pin_reset"]


def test_what_reviewers_say_becomes_rows(log, tmp_path):
    """The whole round: queue, page, answers, new rows."""
    queue, new = tmp_path / "queue.csv", tmp_path / "new_rows.csv"
    write_queue(QueueRequest(log), queue)
    with Served(queue) as page:
        anna = page.client()
        first = anna.next()
        assert (first["id"], first["given"]) == ("fee2", "fees")
        assert first["text"] == "What,\n a fee?"
        assert anna.answer(first["row"], "pin_reset").status_code == 200
        answers = page.answers
    made = export_rows(ExportRequest(log, answers), new)
    assert (made.torn, made.unnamed, made.unsure, made.beyond) == (0, 0, 0, 0)
    found = [(row["text"], row["label"], row["settled_by"]) for row in rows_of(new)]
    assert found == [("=2+2", "pin_reset", "feedback"), ("What,\n a fee?", "pin_reset", "review")]
    assert rows_of(new)[1]["answered_label"] == "fees"
    # What is answered is not asked again.
    again = write_queue(QueueRequest(log, answers=answers), queue)
    assert [row["id"] for row in rows_of(queue)] == ["bad", "sure"]
    assert again.texts == 2


def test_what_senders_say_is_a_file_of_answers_that_only_grows(log, tmp_path):
    feedback, new = tmp_path / "feedback.jsonl", tmp_path / "new_rows.csv"
    for _ in range(2):
        export_rows(ExportRequest(log, feedback=feedback), new)
        assert len(feedback.read_text().splitlines()) == 1
    (answer,) = read_answers(feedback).answers
    assert (answer.id, answer.labels) == ("bad", ("pin_reset",))
    assert answer.who == LogKey.read(LogKey.beside(log)).of_sender("carl")
    with Journal(log, TEXTS) as journal:
        journal.feedback(Said("sure", "dora", "right"), LABELS)
    export_rows(ExportRequest(log, feedback=feedback), new)
    assert [one.id for one in read_answers(feedback).answers] == ["bad", "sure"]


def test_a_log_without_texts_has_nothing_to_review(tmp_path):
    path = tmp_path / "log.sqlite"
    with Journal(path) as journal:
        journal.record([entry("r1")])
    with pytest.raises(InputError, match="holds no texts; serve with --log-texts"):
        write_queue(QueueRequest(path), tmp_path / "queue.csv")
    with pytest.raises(InputError, match="holds no texts"):
        export_rows(ExportRequest(path), tmp_path / "new.csv")
    assert not (tmp_path / "queue.csv").exists()


def test_when_all_is_answered(log, tmp_path):
    queue = tmp_path / "queue.csv"
    write_queue(QueueRequest(log, rows=1, order="count"), queue)
    assert [row["id"] for row in rows_of(queue)] == ["fee2"]
    answers = tmp_path / "answers.jsonl"
    with Served(queue) as page:
        page.client().answer(0, verdict="none")
    with Journal(log, TEXTS) as journal:
        journal.forget_sender("anna")
        journal.forget_sender("bert")
        journal.record([entry("again", "what, A FEE?", probability=0.5)])
    with pytest.raises(InputError, match="all of its texts are answered already"):
        write_queue(QueueRequest(log, answers=answers), queue)
    assert [row["id"] for row in rows_of(queue)] == ["fee2"]  # as it was


@pytest.mark.parametrize("name", ["queue.parquet", "queue", "log.sqlite"])
def test_rows_are_written_as_csv(log, tmp_path, name):
    before = log.read_bytes()
    with pytest.raises(OutputError, match=r"end the name in \.csv"):
        write_queue(QueueRequest(log), tmp_path / name)
    assert log.read_bytes() == before


def test_nothing_of_the_users_is_written_over(log, tmp_path):
    answers = tmp_path / "answers.csv"
    answers.write_text("mine")
    with pytest.raises(OutputError, match="given as --answers"):
        export_rows(ExportRequest(log, answers), answers)
    evidence = tmp_path / "queue.evidence.jsonl"
    evidence.write_text("somebody's")
    with pytest.raises(OutputError, match="evidence"):
        write_queue(QueueRequest(log), tmp_path / "queue.csv")
    feedback = tmp_path / "notes.txt"
    feedback.write_text("somebody's")
    with pytest.raises(OutputError, match="file of answers"):
        export_rows(ExportRequest(log, feedback=feedback), tmp_path / "new.csv")
    texts = [path.read_text() for path in (answers, evidence, feedback)]
    assert texts == ["mine", "somebody's", "somebody's"]
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1, float("nan")])
def test_no_share(log, tmp_path, share):
    with pytest.raises(ConfigError, match="--sender-share"):
        export_rows(ExportRequest(log, most_share=share), tmp_path / "new.csv")


@pytest.mark.parametrize("window", [0.0, -1.0, float("inf"), float("nan")])
def test_no_window(log, tmp_path, window):
    with pytest.raises(ConfigError, match="--window"):
        write_queue(QueueRequest(log, window_days=window), tmp_path / "queue.csv")


def test_rising_labels_come_first_if_asked(tmp_path):
    path = tmp_path / "log.sqlite"
    with Journal(path, TEXTS) as journal:
        old = NOW - 20 * DAY
        fees = {"label": "fees", "probability": 0.5}
        journal.record([entry(f"o{i}", f"fee {i}", at=old, **fees) for i in range(100)])
        journal.record([entry(f"n{i}", f"card {i}", probability=0.9) for i in range(20)])
    done = write_queue(QueueRequest(path, "drift", rows=20), tmp_path / "queue.csv")
    assert [drift.label for drift in done.rising] == ["card_lost"]
    assert {(row["label"], row["rising"]) for row in rows_of(tmp_path / "queue.csv")} == {
        ("card_lost", "true")
    }


def test_a_summary(log):
    found = summary_of(log)
    assert (found.requests, found.texts, found.kept, found.masked) == (5, 3, 5, 0)
    assert (found.senders, found.feedback, found.wrong) == (2, 1, 1)
    assert found.first == found.last == "2026-09-21T14:13:20Z"
    assert found.sources == {"http": 5}
    assert found.models == {"m1": 5}
    assert list(found.labels.items()) == [("fees", 3), ("card_lost", 2)]
    assert found.size_bytes >= log.stat().st_size > 0


def test_a_summary_of_nothing(tmp_path):
    path = tmp_path / "log.sqlite"
    Journal(path).close()
    found = summary_of(path)
    assert (found.requests, found.first, found.labels) == (0, None, {})


def test_one_request(log):
    with Journal(log, TEXTS) as journal:
        journal.record([entry("many", "a"), entry("many.1", "b", guesses=(guess("oos"),))])
    assert [one.text for one in requests_of(log, "many")] == ["a", "b"]
    with pytest.raises(InputError, match="has no request 'man'"):
        requests_of(log, "man")


def test_forgetting(log):
    sender = LogKey.read(LogKey.beside(log)).of_sender("anna")
    assert forget(log, "bad", None) == Forgotten(1, 0)
    assert forget(log, None, sender) == Forgotten(4, 0)
    assert b"card?" not in all_bytes(log)
    for request, who in ((None, "anna"), ("bad", None)):
        with pytest.raises(InputError, match="has no"):
            forget(log, request, who)
    for request, who in ((None, None), ("a", "b")):
        with pytest.raises(ConfigError, match="either --id or --sender"):
            forget(log, request, who)


def test_expiring(log):
    assert expire_requests(log, 100_000) == 0
    for days in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="--older"):
            expire_requests(log, days)
    with Journal(log, TEXTS) as journal:
        journal.record([entry("old", "ancient", at=0)])
    assert expire_requests(log, 15_000) == 1
    assert b"ancient" not in all_bytes(log)


def test_the_record_is_ours(log, tmp_path):
    write_queue(QueueRequest(log), tmp_path / "queue.csv")
    record = json.loads((tmp_path / "queue.run.json").read_text())
    assert record["oos_label"] == "oos"
    assert record["input"]["rows"] == 3
    assert record["models"]["served 1"]["name"] == "m1"
    # A queue may be written again in its place.
    write_queue(QueueRequest(log, rows=1), tmp_path / "queue.csv")
    assert len(rows_of(tmp_path / "queue.csv")) == 1
