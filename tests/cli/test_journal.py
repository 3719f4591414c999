import re

import pytest
from fixtures.logged import LABELS, NOW, entry

from labelmend.journal.entries import LogRules, Said
from labelmend.journal.log import Journal


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Journal(tmp_path / "log.sqlite", LogRules(texts=True), clock=lambda: NOW) as journal:
        journal.know_labels(LABELS, "oos")
        journal.record([entry("r1", "where is my card?", sender="anna")])
        journal.record([entry("r2", "a \x1b[31mfee", sender="bert", label="fees")])
        journal.feedback(Said("r2", "carl", "label", "oos"), LABELS)
        journal.feedback(Said("r1", "carl", "wrong"), LABELS)
    return tmp_path


def test_show(cli, folder):
    ran = cli("journal", "show", "log.sqlite")
    assert (ran.code, ran.err) == (0, "")
    assert "requests:       2\n" in ran.out
    assert "feedback:       2, 2 of it against the answer\n" in ran.out
    assert "asked:          2026-09-21T14:13:20Z to 2026-09-21T14:13:20Z\n" in ran.out
    assert "labels:         card_lost 1, fees 1\n" in ran.out
    assert "card?" not in ran.out


def test_show_one_request(cli, folder):
    ran = cli("journal", "show", "log.sqlite", "--id", "r2")
    assert (ran.code, ran.err) == (0, "")
    first, text, guess, word = ran.out.splitlines()
    assert first.startswith("r2  2026-09-21T14:13:20Z  http  s-")
    assert text == "  text:   a \\x1b[31mfee"  # it does not steer the terminal
    assert guess == "  m1: fees 0.750"
    assert word.endswith(", 2026-09-21T14:13:20Z: right is oos")
    ran = cli("journal", "show", "log.sqlite", "--id", "r1")
    assert ran.out.splitlines()[-1].endswith(": wrong")


def test_queue_and_export(cli, folder):
    ran = cli("journal", "queue", "log.sqlite", "-o", "queue.csv")
    assert (ran.code, ran.err) == (0, "")
    # Of each 2 * 0.75 / 3 is left to the label: a half.
    assert ran.out == (
        "2 texts of 2 written to queue.csv; 1.0 of their answers are expected to be wrong\n"
        "next: labelmend review queue.csv --answers answers.jsonl\n"
    )
    assert cli("journal", "queue", "log.sqlite", "-o", "queue.csv", "-q").out == ""
    ran = cli("journal", "export", "log.sqlite", "-o", "new.csv", "--feedback", "f.jsonl")
    assert ran.code == 0
    assert ran.out == "1 row written to new.csv: 0 settled by reviewers, 1 by feedback\n"
    assert ran.err == ("Note: 1 text left out: called wrong, and nobody said what is right\n")
    assert cli("answers", "show", "f.jsonl").out.startswith("1 answer on 1 text")


def test_in_russian(cli, folder):
    ran = cli("journal", "show", "log.sqlite", "--lang", "ru")
    assert (ran.code, ran.err) == (0, "")
    assert "запросы:" in ran.out
    assert "отзывы:          2, из них против ответа 2\n" in ran.out
    # What is left in English are names.
    assert set(re.findall("[a-z_]{3,}", ran.out)) == {"http", "card_lost", "fees"}
    shown = cli("journal", "show", "log.sqlite", "--id", "r1", "--lang", "ru").out
    assert shown.splitlines()[-1].endswith(": неверно")
    ran = cli("journal", "export", "log.sqlite", "-o", "new.csv", "--lang", "ru")
    assert ran.out == "1 строка в new.csv: 0 по ответам проверяющих, 1 по отзывам\n"
    assert ran.err.startswith("Замечание: 1 текст пропущен: ответ назван неверным")
    ran = cli("journal", "queue", "log.sqlite", "-o", "q.csv", "--lang", "ru")
    assert ran.out.startswith("2 текста из 2 в q.csv; из ответов на них ожидаемо неверны 1,0\n")
    ran = cli("journal", "forget", "log.sqlite", "--sender", "carl", "--lang", "ru")
    assert ran.out == "удалено 0 запросов и 2 отзыва на чужие запросы\n"
    ran = cli("journal", "expire", "log.sqlite", "--older", "0", "--lang", "ru")
    assert ran.out == "удалены 2 запроса\n"


def test_forget_and_expire(cli, folder):
    ran = cli("journal", "forget", "log.sqlite", "--sender", "carl")
    assert (ran.code, ran.out) == (
        0,
        "removed 0 requests and 2 words of feedback on those of others\n",
    )
    ran = cli("journal", "forget", "log.sqlite", "--id", "r1")
    assert (ran.code, ran.out) == (0, "removed 1 request\n")
    ran = cli("journal", "expire", "log.sqlite", "--older", "100000")
    assert (ran.code, ran.out) == (0, "removed 0 requests\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "gone.sqlite"), "gone.sqlite: no such file; check the path"),
        (("show", "notes.txt"), "notes.txt: is no log of labelmend's"),
        (("show", "log.sqlite", "--id", "r9"), "log.sqlite: has no request 'r9'"),
        (("forget", "log.sqlite"), "give either --id or --sender"),
        (("expire", "log.sqlite", "--older", "-1"), "--older -1: give days"),
        (("queue", "log.sqlite", "-o", "q.parquet"), "end the name in .csv"),
        (("export", "log.sqlite", "-o", "n.csv", "--sender-share", "x"), "--sender-share x: give"),
    ],
)
def test_a_mistake_is_one_line(cli, folder, words, said):
    (folder / "notes.txt").write_text("a diary of mine" * 20)
    ran = cli("journal", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
