"""Files in, files out, with an LLM that is a list of answers and the real encoder that judges."""

import csv
import hashlib
import json
from dataclasses import replace

import pytest

from labelmend.augment import models
from labelmend.augment.questions import Reply
from labelmend.augment.result import record_beside
from labelmend.classify.data import labelled_table
from labelmend.configs.load import load_config
from labelmend.data.read import read_table
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError, ConfigError, InputError, ModelError, OutputError
from labelmend.protocols import NoProgress
from labelmend.workflows.augment import AugmentRequest, augment_file, plan_augment

ROWS = [
    *(("my card is lost", "card_lost"), ("i can't find my card anywhere", "card_lost")),
    ("left my card in a taxi", "card_lost"),
    *((f"how do i change my pin {n}", "pin_change") for n in ("now", "today", "please", "again")),
    *(("i want another pin number", "pin_change"), ("set a different pin", "pin_change")),
    *(("what's the weather like", "oos"), ("tell me a joke", "oos")),
]
LOST = (
    "my card went missing on the train",
    "i think i dropped my bank card somewhere in the park",
    "can't locate my debit card since yesterday",
    "lost the card you sent me last week",
    "my card fell out of my pocket and it's gone",
    "misplaced my card during the move",
)


def answers(seed):
    """Three texts of six, drawn by the seed, and never all good."""
    first = int(hashlib.sha256(str(seed).encode()).hexdigest(), 16) % len(LOST)
    return f" {LOST[first]}\n2. how do i change my pin at the machine\n3. {LOST[first - 1]}"


class Writer:
    """Answers by the seed."""

    key, together, can_judge, name = "fake", 1, False, "fake"
    log: list[int]
    reply = staticmethod(lambda question: Reply(answers(question.seed)))
    broken_after: int | None = None

    def __init__(self, config, model):
        pass

    def write(self, questions):
        for question in questions:
            if self.broken_after is not None and len(self.log) >= self.broken_after:
                raise KeyboardInterrupt
            self.log.append(question.seed)
        return [self.reply(question) for question in questions]

    def close(self):
        pass


@pytest.fixture
def writer(monkeypatch, smollm2, bge_small):
    """The fake in the place of llama.cpp; a class of its own for each test."""

    own = type("Own", (Writer,), {"log": []})
    monkeypatch.setattr(models, "LlamaWriter", own)
    return own


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    lines = [f'"{text}",{label}\r\n' for text, label in ROWS]
    path.write_bytes(("text,label\r\n" + "".join(lines)).encode())
    return path


def config(min_rows=6, **changes):
    found = load_config("embedded")
    return replace(found, augment=replace(found.augment, min_rows=min_rows, **changes))


def request(table, **more):
    return AugmentRequest(TableRequest(table), table.with_name("out.csv"), **more)


def run(table, settings=None, **more):
    return augment_file(request(table, **more), settings or config(), NoProgress())


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_new_rows_stand_behind_the_users_which_stay_as_they_are(table, writer):
    outcome = run(table)
    written, before = outcome.output.read_bytes(), table.read_bytes()
    for ours, theirs in zip(written.split(b"\r\n"), before.split(b"\r\n")[:-1], strict=False):
        assert ours.startswith(theirs)
    rows = read(outcome.output)
    assert [row["source"] for row in rows[: len(ROWS)]] == ["row"] * len(ROWS)
    new = rows[len(ROWS) :]
    assert {row["label"] for row in new} == {"card_lost"}
    assert len(new) == len(outcome.found.accepted) == 3
    assert {row["text"] for row in new} < set(LOST)
    assert {row["source"] for row in new} <= {"rewording", "card"}
    for row in new:
        parents = row["parent"]
        ids = json.loads(parents) if parents.startswith("[") else [parents]
        assert set(ids) <= {"1", "2", "3"}
    # The wrong label is told, and nothing was asked for the labels that have enough.
    assert outcome.found.rejected["nearer to another label"] > 0
    assert [label.wanted.card.label for label in outcome.found.labels] == ["card_lost"]
    # It is read again as what it is.
    loaded = labelled_table(read_table(outcome.output), config().data)
    assert len(loaded.dataset.made_from) == 3


def test_the_record_tells_what_became_of_the_drafts(table, writer):
    outcome = run(table)
    record = json.loads(record_beside(outcome.output).read_text())
    assert record["judge"]["encoder"] == "bge-small-en-v1.5"
    assert record["columns"] == {"source": "source", "parent": "parent"}
    texts = record["texts"]
    assert texts["accepted"] == 3
    assert texts["drafts"] == 3 + sum(texts["rejected"].values())
    label = record["labels"]["card_lost"]
    assert label["diversity"]["real"]["texts"] == 3
    assert 0 < label["diversity"]["new"]["distance"] < 1
    assert record["questions"]["asked"] == len(writer.log)


def test_a_run_that_was_killed_goes_on_where_it_was(table, writer, tmp_path):
    whole = run(table).output.read_bytes()
    asked = list(writer.log)
    for path in tmp_path.glob("out.*"):
        path.unlink()
    writer.log.clear()
    writer.broken_after = 1
    with pytest.raises(KeyboardInterrupt):
        run(table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.votes.sqlite", "t.csv"]
    writer.broken_after = None
    assert run(table).output.read_bytes() == whole
    # The one question that was answered is not asked again.
    assert writer.log == asked
    assert plan_augment(request(table), config()).remembered == len(asked)
    assert plan_augment(request(table, fresh=True), config()).remembered == 0


def test_a_plan_asks_nothing_and_writes_nothing(table, writer, tmp_path):
    found = plan_augment(request(table), config())
    assert (found.plan.texts, found.plan.enough, found.remembered) == (3, 1, 0)
    # Six drafts for each of three texts, three a question.
    assert found.questions == 6
    assert (found.encoder, found.asks, writer.log) == ("bge-small-en-v1.5", None, [])
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_nothing_is_made_from_what_is_kept_for_testing(table, writer):
    outcome = run(table, split=0.3)
    rows = read(outcome.output)
    tested = {str(i + 1) for i, row in enumerate(rows) if row["split"] == "test"}
    # One of three, two of six, one of two.
    assert len(tested) == 4
    new = rows[len(ROWS) :]
    assert new
    assert {row["split"] for row in new} == {"train"}
    assert not tested & {row["parent"] for row in new}
    assert all(name not in row["parent"] for row in new for name in (f'"{t}"' for t in tested))


def test_no_new_text_is_like_one_that_it_must_stay_apart_from(table, writer):
    apart = table.with_name("test.csv")
    apart.write_text("text,label\n" + "".join(f'"{text.upper()}",x\n' for text in LOST[:3]))
    outcome = run(table, apart_from=apart)
    assert {text.draft.text for text in outcome.found.accepted} <= set(LOST[3:])


def test_the_mended_label_is_what_new_rows_get(tmp_path, writer):
    path = tmp_path / "t.csv"
    lines = [f'"{text}",x,{label},0.9' for text, label in ROWS]
    path.write_text("\n".join(["text,label,mended_label,confidence", *lines]) + "\n")
    new = read(run(path).output)[len(ROWS) :]
    assert {(row["label"], row["mended_label"]) for row in new} == {("", "card_lost")}
    assert all(0.3 < float(row["confidence"]) <= 1 for row in new)


def test_labels_of_the_cards_that_no_row_has(table, writer):
    cards = table.with_name("labels.yaml")
    cards.write_text("card_gone: The user lost a card.\nvoid: ''\n")
    outcome = run(table, labels_file=cards, only=("card_gone", "void"))
    assert {row["label"] for row in read(outcome.output)[len(ROWS) :]} == {"card_gone"}
    assert {text.draft.source for text in outcome.found.accepted} == {"card"}
    assert any("'void'" in note for note in outcome.notes)
    with pytest.raises(ConfigError, match=r"'void'; .*; there is nothing to write from"):
        run(table, labels_file=cards, only=("void",))


def test_enough_rows_need_no_llm(table, writer):
    outcome = run(table, config(min_rows=2))
    assert (writer.log, outcome.found.accepted) == ([], ())
    assert len(read(outcome.output)) == len(ROWS)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("I'm sorry, but I can't help with that.", r"the LLM refuses: 8 questions, and no draft"),
        ("give me other digits for my pin", r"no new text passed: .* none let in \(nearer to an"),
    ],
)
def test_where_nothing_passes_nothing_is_written(table, writer, tmp_path, reply, said):
    writer.reply = staticmethod(lambda question: Reply(reply))
    with pytest.raises(ModelError, match=said):
        run(table, config(drafts_per_text=20.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.votes.sqlite", "t.csv"]


def test_what_can_not_be_used(table, writer, tmp_path):
    augmented = run(table).output
    with pytest.raises(ColumnError, match="has new texts of labelmend augment already"):
        augment_file(
            AugmentRequest(TableRequest(augmented), tmp_path / "more.csv"), config(), NoProgress()
        )
    with pytest.raises(OutputError, match="is the input itself"):
        augment_file(AugmentRequest(TableRequest(table), table), config(), NoProgress())
    one = tmp_path / "one.csv"
    one.write_text("text,label\na,x\nb,x\n")
    with pytest.raises(InputError, match=r"'x' is the only label; at least two are needed"):
        augment_file(AugmentRequest(TableRequest(one), tmp_path / "o.csv"), config(), NoProgress())
    with pytest.raises(ConfigError, match=r"augment\.judge_encoder is 'bge'"):
        run(table, config(judge_encoder="bge"))
    nobody = replace(config(), describe=replace(config().describe, model=""))
    with pytest.raises(ConfigError, match="no LLM is named to write texts; give --model"):
        run(table, nobody)
