import pytest

from labelmend.augment.questions import Interview, Question, Reply, is_done, lines_in, said_yes
from labelmend.llm.store import Store
from labelmend.protocols import NoProgress


class Writer:
    name, key, together, can_judge = "fake", "fake 1", 2, False

    def __init__(self, replies=None, broken_after=None):
        self.asked = []
        self.replies = replies or {}
        self.broken_after = broken_after

    def write(self, questions):
        if self.broken_after is not None and len(self.asked) >= self.broken_after:
            raise KeyboardInterrupt
        self.asked += [q.rest for q in questions]
        return [self.replies.get(q.rest, Reply(f"answer to {q.rest}")) for q in questions]

    def close(self):
        pass


def question(rest, lines=1, seed=0):
    return Question("kind", "opening ", rest, lines, seed)


@pytest.mark.parametrize(
    ("reply", "texts"),
    [
        (" one\n2. two\n3) three\n4. four", ["one", "two", "three"]),
        ('1. "one"\n- «two»\n\nMessage: more', ["one", "two"]),
        ("\n\n1. one\n", ["one"]),
        ("  \n", []),
        ("3.5 euros are gone", ["5 euros are gone"]),
    ],
)
def test_the_lines_of_a_reply(reply, texts):
    assert lines_in(reply, 3) == texts


def test_a_reply_is_done_with_its_last_line():
    assert not is_done(" one\n2. two", 2)
    assert is_done(" one\n2. two\n", 2)
    assert is_done(" one\n\n", 2)


def test_yes_and_no():
    assert said_yes("Yes.") is True
    assert said_yes(" no, it is not") is False
    assert said_yes("Да") is True
    assert said_yes("maybe") is None
    assert said_yes(None) is None


def test_what_was_answered_is_not_asked_again(tmp_path):
    path, questions = tmp_path / "s.sqlite", [question(r) for r in "abcde"]
    first = Writer(broken_after=2)
    with Store(path) as store, pytest.raises(KeyboardInterrupt):
        list(Interview(first, store, NoProgress()).ask(questions))
    # Groups of two: the first one is kept, the one in flight is lost.
    assert first.asked == ["a", "b"]
    second = Writer()
    with Store(path) as store:
        interview = Interview(second, store, NoProgress())
        assert interview.known(questions) == 2
        found = list(interview.ask(questions))
    assert second.asked == ["c", "d", "e"]
    assert [reply for _, reply in found] == [f"answer to {r}" for r in "abcde"]
    assert (interview.asked, interview.remembered) == (5, 2)


def test_the_seed_and_the_lines_are_part_of_a_question_that_draws(tmp_path):
    writer = Writer()
    with Store(None) as store:
        interview = Interview(writer, store, NoProgress())
        drawn = [question("a"), question("a", seed=1), question("a", lines=2)]
        words = [question("b", lines=0), question("b", lines=0, seed=1)]
        list(interview.ask(drawn))
        list(interview.ask(words[:1]))
        list(interview.ask(words[1:]))
    assert writer.asked == ["a", "a", "a", "b"]


def test_a_failure_is_counted_and_asked_again():
    writer = Writer({"a": Reply(None, "no answer within 60 s")})
    with Store(None) as store:
        interview = Interview(writer, store, NoProgress())
        assert [reply for _, reply in interview.ask([question("a")])] == [None]
        assert interview.failures == {"no answer within 60 s": 1}
        list(interview.ask([question("a")]))
    assert writer.asked == ["a", "a"]
