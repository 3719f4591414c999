"""Two labels in the space of words: what lies where can be seen in the texts."""

from dataclasses import fields, replace

import numpy as np
import pytest

from labelmend.augment.judge import open_judge
from labelmend.augment.known import KnownTexts
from labelmend.augment.plan import RealTexts, Wanted
from labelmend.augment.questions import Interview, Question, Reply
from labelmend.configs.schema import AugmentConfig, ChecksConfig
from labelmend.llm.store import Store
from labelmend.prompts.render import NEW_TEXT, REWORD
from labelmend.protocols import NoProgress
from labelmend.types import Dataset, LabelCard

TEXTS = (
    *("my card is lost", "the card is gone", "where is my card"),
    *("i forgot the pin", "new pin code", "my pin code"),
)
REAL = RealTexts(TEXTS, (0, 0, 0, 1, 1, 1), (True,) * 6)
DATASET = Dataset(tuple("123456"), TEXTS, np.array([0, 0, 0, 1, 1, 1]), ("card_lost", "pin"), None)
WANTED = Wanted(0, LabelCard("card_lost", "", (), "name"), (0, 1, 2), 3)
REWORDING = Question(REWORD, "", "", 3, 0, (0,))
CARD = Question(NEW_TEXT, "", "", 3, 0, ())
OFF = ChecksConfig(**dict.fromkeys((f.name for f in fields(ChecksConfig)), False))


class Yes:
    """Says yes to all questions but those on a word."""

    name, key, together, can_judge = "fake", "fake", 1, True

    def __init__(self, no=()):
        self.no, self.asked = no, []

    def write(self, questions):
        self.asked += [q.kind for q in questions]
        return [Reply("No" if any(w in q.rest for w in self.no) else "Yes.") for q in questions]

    def close(self):
        pass


def judge_with(words, *, asks=None, apart=(), speaks=lambda _: True, unusual=0.05, **checks):
    config = AugmentConfig(checks=replace(OFF, **checks), unusual=unusual)
    known = KnownTexts(words, [*TEXTS, *apart], NoProgress())
    return open_judge(REAL, known, DATASET, {}, config, speaks, asks)


def verdicts(judge, texts, question=CARD, wanted=WANTED):
    judge.judge(wanted, question, texts)
    held = judge.held(wanted)
    return [text.draft.text for text in held.accepted], dict(held.rejected)


def test_without_a_check_all_is_let_in_until_there_is_enough(words):
    judge = judge_with(words)
    let_in, rejected = verdicts(judge, ["i am a parrot", "my card is lost"])
    assert (let_in, rejected) == (["i am a parrot", "my card is lost"], {})
    assert verdicts(judge, ["a", "b"])[0][2:] == ["a"]
    # What came too late is no draft that was judged.
    assert judge.held(WANTED).drafts == 3


def test_copies(words):
    judge = judge_with(words, copies=True, apart=["the card was lost"])
    let_in, rejected = verdicts(
        judge,
        ["My card  is LOST", "lost is my card", "the card was lost", "lost card", "card lost"],
    )
    # The same words in another order have the same vector here; so have the last two.
    assert let_in == ["lost card"]
    assert rejected == {"a copy": 2, "nearly a copy": 2}


def test_another_label_is_nearer(words):
    judge = judge_with(words, neighbour=True)
    let_in, rejected = verdicts(judge, ["i have lost the card", "forgot my pin code"])
    assert let_in == ["i have lost the card"]
    assert rejected == {"nearer to another label": 1}


def test_too_far_from_its_label(words):
    judge = judge_with(words, label=True)
    let_in, rejected = verdicts(judge, ["my card is gone", "open on sunday"])
    assert let_in == ["my card is gone"]
    assert rejected == {"not surely of its label": 1}


def test_a_rewording_is_not_judged_by_its_parent(words):
    texts = ["my lost is lost"]
    near = judge_with(words, label=True, unusual=0.15)
    assert verdicts(near, texts)[0] == texts
    # But for the first row, no text of the label has its word.
    assert verdicts(judge_with(words, label=True, unusual=0.15), texts, REWORDING)[0] == []


def test_languages_and_scripts(words):
    judge = judge_with(words, language=True, speaks=lambda text: "karte" not in text)
    let_in, rejected = verdicts(judge, ["моя карта", "meine karte", "gone card"])
    assert (let_in, rejected) == (["gone card"], {"another language": 2})


def test_something_new(words):
    judge = judge_with(words, diversity=True)
    # All words and pairs are known, and it lies among the others.
    let_in, rejected = verdicts(judge, ["my card is gone", "i have no card today"])
    assert let_in == ["i have no card today"]
    assert rejected == {"nothing new": 1}
    # What was let in is known from then on.
    held = judge.held(WANTED)
    assert ("i", "have") in held.grams
    assert (len(held.vectors), held.real) == (4, 3)


def test_rules_come_first(words):
    judge = judge_with(words, rules=True, neighbour=True)
    _, rejected = verdicts(judge, ["As an AI, I forgot the pin", ""])
    assert rejected == {"refusal": 1}
    assert judge.held(WANTED).drafts == 1


def test_the_llm_is_asked_twice_about_what_passes(words):
    llm = Yes(no=["parrot"])
    with Store(None) as store:
        asks = Interview(llm, store, NoProgress())
        judge = judge_with(words, questions=True, rules=True, asks=asks)
        let_in, rejected = verdicts(judge, ["my card is gone", "my parrot", "Sure, my card"])
    assert let_in == ["my card is gone"]
    assert rejected == {"answer to the prompt": 1, "no message, says the LLM": 1}
    assert llm.asked == ["judge_text.v1", "judge_label.v1", "judge_text.v1"]


def test_the_neighbour_is_named_to_the_llm(words):
    llm = Yes(no=['not about "pin"'])
    with Store(None) as store:
        judge = judge_with(words, questions=True, asks=Interview(llm, store, NoProgress()))
        assert verdicts(judge, ["my card is gone"])[1] == {"another label, says the LLM": 1}


def test_confidence_is_a_probability(words):
    judge = judge_with(words)
    verdicts(judge, ["my card is gone", "my pin code"])
    mine, other = judge.held(WANTED).accepted
    assert 0.5 < mine.confidence <= 1
    assert other.confidence < 0.5


@pytest.mark.parametrize("check", [f.name for f in fields(ChecksConfig)])
def test_each_check_can_be_left_out(words, check):
    judge = judge_with(words, **{check: False})
    assert verdicts(judge, ["my card is lost"])[1] == {}
