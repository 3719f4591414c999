import numpy as np
import pytest

from labelmend.augment.judge import open_judge
from labelmend.augment.known import KnownTexts
from labelmend.augment.plan import RealTexts, plan_of
from labelmend.augment.questions import Interview, Reply
from labelmend.augment.rounds import notes_on, write_texts
from labelmend.configs.schema import AugmentConfig, ChecksConfig
from labelmend.errors import ModelError
from labelmend.llm.store import Store
from labelmend.protocols import NoProgress
from labelmend.types import Dataset

TEXTS = ("my card is lost", "the card is gone", "new pin code", "my pin code")
REAL = RealTexts(TEXTS, (0, 0, 1, 1), (True,) * 4)
DATASET = Dataset(("1", "2", "3", "4"), TEXTS, np.array([0, 0, 1, 1]), ("card", "pin"), None)
CHECKS = ChecksConfig(label=False, neighbour=False, diversity=False, language=False)
OFF = dict.fromkeys(
    ("rules", "copies", "language", "label", "neighbour", "diversity", "questions"), False
)


class Told(NoProgress):
    def __init__(self):
        self.stages = []

    def start(self, stage, total):
        self.stages.append((stage, total))


class Writer:
    name, key, together, can_judge = "fake", "fake", 1, False

    def __init__(self, answer):
        self.answer, self.count = answer, 0

    def write(self, questions):
        self.count += len(questions)
        return [self.answer(question) for question in questions]

    def close(self):
        pass


def run(words, answer, **config):
    config = AugmentConfig(**{"min_rows": 4, "lines": 2, "checks": CHECKS, **config})
    writer, told = Writer(answer), Told()
    with Store(None) as store:
        interview = Interview(writer, store, told)
        known = KnownTexts(words, TEXTS, NoProgress())
        judge = open_judge(REAL, known, DATASET, {}, config)
        plan = plan_of(DATASET.labels, None, REAL, {}, config.min_rows)
        found = write_texts(plan, REAL, interview, judge, config, 0, told)
    return found, writer, told


def numbered(question):
    """Two words of the question's own, so that no text is like another."""
    rng = np.random.default_rng(question.seed)
    return Reply("\n".join(" ".join(rng.choice(list("abcdefghijkl"), 9)) for _ in range(2)))


def test_until_each_label_has_enough(words):
    found, _, told = run(words, numbered, checks=ChecksConfig(**OFF))
    assert [len(label.accepted) for label in found.labels] == [2, 2]
    assert {text.draft.label for text in found.accepted} == {0, 1}
    # Two lines a question, six in ten let in: two questions for two texts.
    assert told.stages == [("write drafts, round 1", 4)]
    assert (found.questions, found.short, found.rejected) == (4, (), {})
    assert found.labels[0].diversity["real"].texts == 2
    assert found.labels[0].diversity["together"].texts == 4


def test_no_label_gets_more_than_its_share_of_drafts(words):
    found, writer, told = run(words, lambda _: Reply("My card is lost\nmy PIN code"))
    # Six drafts a text, two texts, two lines a question: six questions a label.
    assert (writer.count, found.accepted, found.drafts) == (12, (), 24)
    assert found.rejected == {"a copy": 24}
    assert [total for _, total in told.stages] == [4, 8]
    assert notes_on(found)[0].startswith("2 labels got fewer texts than asked for: 'card', 'pin'")


def test_an_llm_that_only_refuses(words):
    with pytest.raises(ModelError, match="the LLM refuses: 3 questions, and no draft to judge"):
        run(words, lambda _: Reply("I'm sorry, but I can't do that."), hopeless_after=3)
    with pytest.raises(ModelError, match="says nothing that is a text: 3 questions"):
        run(words, lambda _: Reply("  \n"), hopeless_after=3)
    with pytest.raises(ModelError, match=r"answered none of 3 questions \(HTTP 500\)"):
        run(words, lambda _: Reply(None, "HTTP 500"), hopeless_after=3)


def test_one_refusal_is_no_reason_to_stop(words):
    def answer(question):
        return Reply("As an AI, I won't") if question.seed % 2 else numbered(question)

    checks = ChecksConfig(**{**OFF, "rules": True})
    found, _, _ = run(words, answer, hopeless_after=30, drafts_per_text=20.0, checks=checks)
    assert len(found.accepted) == 4
    assert found.rejected["refusal"] > 0


def test_questions_without_an_answer_are_told(words):
    def answer(question):
        return Reply(None, "HTTP 500") if question.kind.startswith("reword") else numbered(question)

    found, _, _ = run(words, answer, drafts_per_text=20.0)
    assert found.failures["HTTP 500"] > 0
    assert "questions were not answered: HTTP 500; run again" in notes_on(found)[-1]
