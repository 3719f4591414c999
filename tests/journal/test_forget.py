import random
import re
from contextlib import closing

import pytest
from fixtures.logged import DAY, LABELS, NOW, all_bytes, entry

from labelmend.journal import database as database_module
from labelmend.journal.database import erase, open_log
from labelmend.journal.entries import LogRules, Said
from labelmend.journal.forget import Forgotten, expire, forget_request, forget_sender
from labelmend.journal.log import Journal
from labelmend.journal.read import reading
from labelmend.journal.requests import keep_requests

TEXTS = LogRules(texts=True)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.sqlite"
    with Journal(path, TEXTS) as journal:
        journal.record([entry("r1", "the first secret"), entry("r1.1", "the second secret")])
        journal.record([entry("r10", "a third matter", sender="bert")])
        journal.feedback(Said("r1", "bert", "label", "fees"), LABELS)
        journal.feedback(Said("r10", "anna", "wrong"), LABELS)
        journal.feedback(Said("r10", "carl", "wrong"), LABELS)
    return path


def ids(log):
    with reading(log) as reader:
        return [one.id for one in reader.requests()]


def test_a_request_goes_with_all_of_its_texts(log):
    database, _ = open_log(log)
    with closing(database):
        assert forget_request(database, "r1") == Forgotten(2, 0)
        assert erase(database)
        assert database.execute("SELECT count(*) FROM guesses").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM feedback").fetchone() == (2,)
        # Before the file is closed: nothing is left to be tidied up then.
        assert b"secret" not in all_bytes(log)
    assert ids(log) == ["r10"]


def test_one_text_of_a_request(log):
    database, _ = open_log(log)
    with closing(database):
        assert forget_request(database, "r1.1") == Forgotten(1, 0)
        erase(database)
        assert b"second secret" not in all_bytes(log)
        assert b"first secret" in all_bytes(log)
    assert ids(log) == ["r1", "r10"]


def test_a_sender_goes_with_what_was_asked_and_said(log):
    database, key = open_log(log)
    with closing(database):
        assert forget_sender(database, key.of_sender("anna")) == Forgotten(2, 1)
        erase(database)
        assert b"secret" not in all_bytes(log)
        assert key.of_sender("anna").encode() not in all_bytes(log)
        left = database.execute("SELECT request, sender FROM feedback").fetchall()
        assert left == [("r10", key.of_sender("carl"))]
    assert ids(log) == ["r10"]


def test_whoever_is_not_there(log):
    database, key = open_log(log)
    with closing(database):
        assert forget_request(database, "r9") == Forgotten(0, 0)
        assert forget_request(database, "r") == Forgotten(0, 0)
        assert forget_request(database, "") == Forgotten(0, 0)
        assert forget_sender(database, key.of_sender("dora")) == Forgotten(0, 0)
    assert len(ids(log)) == 3


def test_a_killed_deletion_is_finished_by_whoever_opens_the_log_next(log):
    database, key = open_log(log)
    other, _ = open_log(log)  # keeps the last one that leaves from tidying up
    forget_sender(database, key.of_sender("anna"))
    database.close()  # before `erase`
    with closing(other):
        assert database_module.ERASING in str(other.execute("SELECT name FROM facts").fetchall())
        third, _ = open_log(log)
        with closing(third):
            assert log.with_name("log.sqlite-wal").stat().st_size <= 4096 * 3
            assert b"secret" not in all_bytes(log)
            facts = third.execute("SELECT name FROM facts").fetchall()
        assert database_module.ERASING not in str(facts)


def test_a_reader_in_between_is_told(log, monkeypatch):
    monkeypatch.setattr(database_module, "PATIENCE", 0.1)
    database, key = open_log(log)
    with closing(database), reading(log) as reader:
        assert next(reader.requests()).id == "r1"
        assert forget_sender(database, key.of_sender("anna")).requests == 2
        assert not erase(database)
        # The reader sees the log as it was when it began.
        assert len(list(reader.requests())) == 3
    with closing(open_log(log)[0]):
        assert b"secret" not in all_bytes(log)


def test_old_requests_go(log):
    with Journal(log, TEXTS) as journal:
        journal.record([entry("old", "an old matter", at=NOW - 10 * DAY - 1)])
        journal.record([entry("edge", "just new", at=NOW - 10 * DAY)])
    database, _ = open_log(log)
    with closing(database):
        assert expire(database, 10, NOW) == 1
        assert erase(database)
        assert b"an old matter" not in all_bytes(log)
        assert expire(database, 10, NOW) == 0
    assert ids(log) == ["edge", "r1", "r1.1", "r10"]


@pytest.mark.parametrize("seed", range(5))
def test_no_byte_of_what_was_deleted_is_left_whatever_came_before(tmp_path, seed):
    """Pages are split, merged and filled again. With zeros in freed pages alone, some of these
    seeds leave a text behind."""
    path, dice = tmp_path / "log.sqlite", random.Random(seed)
    database, key = open_log(path, create=True)
    alive = []
    with closing(database):
        for turn in range(12):
            new = [f"t{turn}x{i}" for i in range(60)]
            asked = [entry(name, f"<{name}> " * dice.choice([1, 3, 10, 40])) for name in new]
            keep_requests(database, key, asked, TEXTS)
            alive += new
            dice.shuffle(alive)
            for name in alive[:45]:
                assert forget_request(database, name).requests == 1
            alive = alive[45:]
        assert erase(database)
        there = {name.decode() for name in re.findall(rb"<(t\d+x\d+)>", all_bytes(path))}
    assert there == set(alive)
