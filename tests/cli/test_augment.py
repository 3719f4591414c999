"""`augment` and what it refuses, without an LLM: a list of answers stands for it."""

import json

import pytest

from labelmend.augment import models
from labelmend.augment.questions import Reply

TEXTS = (
    "my card went missing on the train",
    "i think i dropped my bank card in the park",
    "lost the card you sent me last week",
)


class Writer:
    name, key, together, can_judge = "fake", "fake", 1, False
    reply = Reply("\n".join(TEXTS))

    def __init__(self, config, model):
        pass

    def write(self, questions):
        return [self.reply] * len(questions)

    def close(self):
        pass


@pytest.fixture
def writer(monkeypatch, smollm2, bge_small):
    monkeypatch.setattr(models, "LlamaWriter", Writer)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    rows = ["my card is lost,card_lost", "where is my card,card_lost"]
    rows += [f"how do i change my pin {word},pin" for word in ("now", "today", "please", "here")]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    return path


def test_the_summary(cli, table, writer):
    ran = cli("augment", table, "-o", table.with_name("o.csv"), "--min-rows", 4)
    assert ran.code == 0, ran
    first, *others = ran.out.splitlines()
    assert first.startswith("2 of 2 texts that 1 label lacked: ")
    assert any(
        line.startswith("Real texts of these labels, 2: distinct words 0.") for line in others
    )
    assert any(line.startswith("New texts of these labels, 2: ") for line in others)
    assert f"table: {table.with_name('o.csv')} (columns 'source', 'parent')" in others
    record = json.loads(table.with_name("o.augment.json").read_text())
    assert record["labels"]["card_lost"]["wanted"] == 2
    assert cli("augment", table, "-o", table.with_name("o.csv"), "--min-rows", 4, "-q").out == ""


def test_a_dry_run(cli, table, writer):
    ran = cli("augment", table, "-o", table.with_name("o.csv"), "--min-rows", 4, "--dry-run")
    assert ran.out.splitlines()[:3] == [
        "1 label has fewer than 4 texts and lacks 2; 1 label has enough",
        "fake is asked at most 4 questions, of which 0 are answered already",
        "bge-small-en-v1.5 judges the drafts",
    ]
    assert not table.with_name("o.csv").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--only", "car_lost"), "--only car_lost: no row and no card has this label (did you"),
        (("--split", "2"), "--split 2: give a share such as 0.9, or 90%"),
        (
            ("--server", "http://localhost:1/v1"),
            "--server: name the model that it has with --model",
        ),
        (("--model", "no.gguf"), "no.gguf"),
        (("--labels", "no.yaml"), "no.yaml: can't read this labels file"),
        (("--set", "augment.lines=0"), "augment.lines"),
    ],
)
def test_what_is_refused_in_one_line(cli, table, smollm2, bge_small, options, said):
    ran = cli("augment", table, "-o", table.with_name("o.csv"), *options)
    assert said in ran.refusal()
    assert [path.name for path in table.parent.iterdir()] == ["t.csv"]


def test_ctrl_c_keeps_the_answers(cli, table, writer, monkeypatch):
    asked = []

    def impatient(self, questions):
        if asked:
            raise KeyboardInterrupt
        asked.append(questions)
        return [Writer.reply] * len(questions)

    monkeypatch.setattr(Writer, "write", impatient)
    ran = cli("augment", table, "-o", table.with_name("o.csv"), "--min-rows", 9, "-q")
    assert (ran.code, ran.out) == (130, "")
    assert "nothing was written; 1 answers are kept in " in ran.err
    assert "run the same command again to resume" in ran.err


def test_an_llm_that_only_refuses(cli, table, writer, monkeypatch):
    monkeypatch.setattr(Writer, "reply", Reply("As an AI language model, I can't do that."))
    options = ("--min-rows", 40, "-q")
    said = cli("augment", table, "-o", table.with_name("o.csv"), *options).refusal()
    assert said.startswith("the LLM refuses: 8 questions, and no draft to judge; nothing was")
    assert not table.with_name("o.csv").exists()
