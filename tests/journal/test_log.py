import multiprocessing
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from fixtures.logged import DAY, LABELS, NOW, all_bytes, entry, guess

from labelmend.errors import OutputError
from labelmend.journal import log as log_module
from labelmend.journal.entries import LogRules, Said, item_id
from labelmend.journal.feedback import FeedbackError
from labelmend.journal.log import Journal
from labelmend.journal.read import reading

TEXTS = LogRules(texts=True)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.sqlite"


def held(log):
    with reading(log) as reader:
        return list(reader.requests())


def test_a_request_comes_back_as_it_was(log):
    other = guess("fees", 0.5, model="m2", is_oos=True)
    with Journal(log, TEXTS) as journal:
        journal.record([entry("r1", guesses=(guess(), other))])
        sender = journal.sender_hash("anna")
    (one,) = held(log)
    assert (one.id, one.at, one.source) == ("r1", int(NOW * 1000), "http")
    assert (one.text, one.masked, one.sender) == ("where is my card?", 0, sender)
    assert one.guesses == (guess(), other)
    assert one.words == ()


def test_without_texts_neither_text_nor_sender_is_on_the_disk(log):
    with Journal(log) as journal:
        journal.record([entry("r1", "my secret is 4711", sender="anna@mail.example")])
        journal.flush()
        assert b"r1" in all_bytes(log)
        for secret in (b"secret", b"4711", b"anna", b"mail.example"):
            assert secret not in all_bytes(log)
    (one,) = held(log)
    assert one.text is None


def test_what_is_masked_leaves_no_trace(log):
    with Journal(log, LogRules(texts=True, mask=True)) as journal:
        journal.record([entry("r1", "mail a@b.example"), entry("r2", "Mail  c@d.example")])
    first, second = held(log)
    assert (first.text, first.masked) == ("mail [MAIL]", 1)
    assert first.text_hash == second.text_hash  # that of the masked text
    assert b"b.example" not in all_bytes(log)


def test_an_odd_text_is_kept_as_tables_can_hold_it(log):
    with Journal(log, TEXTS) as journal:
        journal.record([entry("r1", "a\ud800b\0c")])
    assert held(log)[0].text == "a?b\ufffdc"


def test_a_request_is_kept_once(log):
    with Journal(log, TEXTS) as journal:
        journal.record([entry("r1", "first")])
        journal.record([entry("r1", "second"), entry("r2", "third")])
    assert [one.text for one in held(log)] == ["first", "third"]


def test_labels_are_those_of_all_models(log):
    with Journal(log) as journal:
        journal.know_labels(["b", "a", "oos"], "oos")
        journal.know_labels(["c", "a"], None)
    with reading(log) as reader:
        found = reader.labels()
    assert found.labels == ("a", "b", "c", "oos")
    assert found.oos == "oos"


def test_feedback_right_wrong_and_a_label(log):
    with Journal(log, clock=lambda: NOW + 1) as journal:
        journal.record([entry("r1"), entry("r2"), entry("r3")])
        journal.feedback(Said("r1", "anna", "right"), LABELS)
        journal.feedback(Said("r2", "anna", "wrong"), LABELS)
        journal.feedback(Said("r3", "bert", "label", "fees"), LABELS)
    words = [one.words[0] for one in held(log)]
    assert [word.label for word in words] == ["card_lost", None, "fees"]
    assert {word.at for word in words} == {int(NOW * 1000) + 1000}
    assert words[0].sender == words[1].sender != words[2].sender


def test_a_later_word_of_a_sender_replaces_the_earlier(log):
    with Journal(log) as journal:
        journal.record([entry("r1")])
        journal.feedback(Said("r1", "anna", "wrong"), LABELS)
        journal.feedback(Said("r1", "anna", "label", "fees"), LABELS)
        journal.feedback(Said("r1", "bert", "right"), LABELS)
    (one,) = held(log)
    assert sorted(word.label for word in one.words) == ["card_lost", "fees"]


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (Said("r9", "anna", "right"), 404, "there is no request 'r9'"),
        (Said("r1.1", "anna", "wrong"), 404, "there is no request"),
        (Said("r1", "anna", "label", "fee"), 422, "there is no label 'fee' (did you mean 'fees'?)"),
    ],
)
def test_feedback_that_is_refused(log, said, status, words):
    with Journal(log) as journal:
        journal.record([entry("r1")])
        with pytest.raises(FeedbackError) as refused:
            journal.feedback(said, LABELS)
    assert refused.value.status == status
    assert words in str(refused.value)
    assert refused.value.retry_after is None
    assert held(log)[0].words == ()


def test_a_word_needs_a_label_or_none():
    with pytest.raises(ValueError, match="label"):
        Said("r1", "anna", "label")
    with pytest.raises(ValueError, match="label"):
        Said("r1", "anna", "wrong", "fees")


def test_a_sender_is_let_in_again_when_the_hour_is_over(log):
    now = [NOW]
    with Journal(log, LogRules(feedback_an_hour=3), clock=lambda: now[0]) as journal:
        journal.record([entry(f"r{i}") for i in range(5)])
        for i in range(3):
            now[0] = NOW + 60 * i
            journal.feedback(Said(f"r{i}", "anna", "wrong"), LABELS)
        with pytest.raises(FeedbackError) as refused:
            journal.feedback(Said("r3", "anna", "wrong"), LABELS)
        assert refused.value.status == 429
        assert refused.value.retry_after == 3600 - 120
        journal.feedback(Said("r3", "bert", "wrong"), LABELS)  # who has said nothing yet
        now[0] = NOW + 3601
        journal.feedback(Said("r3", "anna", "wrong"), LABELS)
        with pytest.raises(FeedbackError):
            journal.feedback(Said("r4", "anna", "wrong"), LABELS)


def test_changing_one_word_over_and_over_counts_each_time(log):
    with Journal(log, LogRules(feedback_an_hour=4), clock=lambda: NOW) as journal:
        journal.record([entry("r1")])
        for label in ("fees", "oos", "fees", "oos"):
            journal.feedback(Said("r1", "anna", "label", label), LABELS)
        with pytest.raises(FeedbackError) as refused:
            journal.feedback(Said("r1", "anna", "label", "fees"), LABELS)
    assert refused.value.status == 429


def test_one_word_may_be_changed_ten_times_and_twenty_may_speak(log):
    with Journal(log, LogRules(feedback_an_hour=1000)) as journal:
        journal.record([entry("r1")])
        for _ in range(10):
            journal.feedback(Said("r1", "anna", "wrong"), LABELS)
        for i in range(19):
            journal.feedback(Said("r1", f"sender {i}", "wrong"), LABELS)
        for sender in ("anna", "one too many"):
            with pytest.raises(FeedbackError) as refused:
                journal.feedback(Said("r1", sender, "wrong"), LABELS)
            assert refused.value.status == 409
    assert len(held(log)[0].words) == 20


def test_a_log_that_is_closed_loses_and_says_so(log):
    journal = Journal(log)
    journal.close()
    journal.close()
    journal.record([entry("r1")])
    assert journal.lost == 1
    with pytest.raises(OutputError, match="closed"):
        journal.feedback(Said("r1", "anna", "wrong"), LABELS)


def test_what_can_not_be_written_is_counted_and_serving_goes_on(log):
    with Journal(log) as journal:
        journal.record([entry("r1")])
        journal.flush()
        with closing(sqlite3.connect(log)) as other:
            other.execute("DROP TABLE guesses")
        journal.record([entry("r2", "a secret")])
        journal.flush()
        assert journal.lost == 1
        assert "no such table" in journal.problem
        assert "secret" not in journal.problem
        with pytest.raises(OutputError, match="can't be used as a log"):
            journal.feedback(Said("r1", "anna", "wrong"), LABELS)


def test_old_requests_go_when_a_log_is_opened(log):
    with Journal(log, TEXTS) as journal:
        journal.record([entry("old", "an old text", at=NOW - 31 * DAY), entry("new", "a new one")])
    with Journal(log, LogRules(texts=True, keep_days=30), clock=lambda: NOW) as journal:
        journal.flush()
    assert [one.id for one in held(log)] == ["new"]
    assert b"an old text" not in all_bytes(log)


def test_texts_of_one_request_have_names_of_their_own():
    assert [item_id("r1", i) for i in range(3)] == ["r1", "r1.1", "r1.2"]


def _write(path, name, count):
    with Journal(path, TEXTS) as journal:
        for i in range(count):
            journal.record([entry(f"{name}-{i}", f"text {i}", sender=name)])
            if i % 50 == 49:
                journal.feedback(Said(f"{name}-{i}", name, "wrong"), LABELS)


def test_several_processes_write_one_log(log):
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_write, args=(log, f"p{i}", 200)) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    found = held(log)
    assert len(found) == 400
    assert len({one.id for one in found}) == 400
    assert sum(len(one.words) for one in found) == 8


_ENDLESS = """
import itertools, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from fixtures.logged import LABELS, entry
from labelmend.journal.entries import LogRules, Said
from labelmend.journal.log import Journal

journal = Journal(Path(sys.argv[1]), LogRules(texts=True, feedback_an_hour=10**9))
for i in itertools.count():
    name = f"{os.getpid()}-{i}"
    journal.record([entry(name, f"text {i}")])
    journal.feedback(Said(name, "anna", "wrong"), LABELS)
    print(name, flush=True)
"""


def test_a_killed_process_loses_nothing_that_was_confirmed(log):
    here = str(Path(__file__).parents[1])
    for _ in range(2):
        before = {one.id for one in held(log)} if log.exists() else set()
        worker = subprocess.Popen(
            [sys.executable, "-c", _ENDLESS, str(log), here], stdout=subprocess.PIPE, text=True
        )
        confirmed = {worker.stdout.readline().strip() for _ in range(20)}
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        worker.stdout.close()
        found = held(log)
        assert before | confirmed <= {one.id for one in found}
        assert all(one.guesses for one in found)
        assert all(one.words for one in found if one.id in confirmed)
        with closing(sqlite3.connect(log)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            bare = "SELECT count(*) FROM requests WHERE id NOT IN (SELECT request FROM guesses)"
            assert database.execute(bare).fetchone() == (0,)


def test_what_can_not_be_erased_at_once_is_erased_soon(log, monkeypatch):
    """Who deletes over and over does not keep the log from all else."""
    monkeypatch.setattr(log_module, "_MOST_ERASING", 1e-9)
    with Journal(log, TEXTS) as journal:
        journal.record([entry("r1", "first secret"), entry("r2", "other secret", sender="bert")])
        assert journal.forget_sender("anna") == 1
        assert b"first secret" not in all_bytes(log)
        assert journal.forget_sender("bert") == 1
        # It is due now, as it is when the time has come.
        journal._next_erase = journal._next_look = 0.0
        journal.flush()
        journal.flush()
        assert b"other secret" not in all_bytes(log)
    assert held(log) == []
