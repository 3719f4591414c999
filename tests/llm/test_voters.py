import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from labelmend.configs.load import load_config
from labelmend.errors import ModelError
from labelmend.llm import voters
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot, Vote
from labelmend.llm.voters import LlamaVoter, collect_votes
from labelmend.protocols import NoProgress
from labelmend.types import LabelCard

CHANNEL = dataclasses.replace(
    load_config().voters[0], exemplars=2, context_tokens=512, batch_tokens=256
)
CARDS = tuple(LabelCard(name, "", (f"about {name}",), "name") for name in ("card", "rain"))
BALLOTS = [Ballot(text, CARDS) for text in ("my card", "so wet", "hello")]


class Counting(NoProgress):
    """Adds up what it hears."""

    def __init__(self):
        self.total = self.done = 0

    def start(self, stage, total):
        self.total = total

    def advance(self, steps=1):
        self.done += steps


class Scripted:
    """A voter whose answers are known, and that remembers what it was asked."""

    name, key = "scripted", "scripted 1"

    def __init__(self, answers, dies_after=None, together=4):
        self.answers, self.dies_after, self.together = answers, dies_after, together
        self.asked, self.calls, self.tokens = [], [], 0

    def vote(self, ballots):
        if self.dies_after is not None and len(self.asked) >= self.dies_after:
            raise KeyboardInterrupt
        self.asked += [ballot.text for ballot in ballots]
        self.calls.append(tuple(ballot.text for ballot in ballots))
        self.tokens += 7 * len(ballots)
        return [self.answers(ballot) for ballot in ballots]

    def close(self):
        pass


def by_length(ballot):
    return Vote((float(len(ballot.text)), -1.0))


@pytest.fixture(scope="module")
def voter(smollm2):
    voter = LlamaVoter(CHANNEL, smollm2)
    yield voter
    voter.close()


def test_the_real_voter_is_asked_once(voter, tmp_path):
    progress = Counting()
    with Store(tmp_path / "votes.sqlite") as store:
        votes, report = collect_votes(voter, BALLOTS, store, progress)
        assert (report.voter, report.asked, report.remembered) == ("SmolLM2-135M-Instruct", 3, 0)
        assert report.failures == {}
        assert (progress.total, progress.done) == (3, 3)
        assert [len(vote.scores) for vote in votes] == [2, 2, 2]
        assert votes[0].scores[0] > votes[0].scores[1]
    decoded = voter._engine.decoded_tokens
    with Store(tmp_path / "votes.sqlite") as store:
        again, report = collect_votes(voter, [*BALLOTS[::-1]], store, Counting())
    assert report.remembered == 3
    assert again == votes[::-1]
    assert voter._engine.decoded_tokens == decoded


def test_a_new_text_card_or_order_is_another_question(voter):
    with Store(None) as store:
        collect_votes(voter, BALLOTS[:1], store, NoProgress())
        described = (dataclasses.replace(CARDS[0], description="Cards."), CARDS[1])
        # A line break in an exemplar is no border between two exemplars.
        joined = (dataclasses.replace(CARDS[0], exemplars=("a\nb",)), CARDS[1])
        apart = (dataclasses.replace(CARDS[0], exemplars=("a", "b")), CARDS[1])
        for cards in (described, CARDS[::-1], joined, apart):
            _, report = collect_votes(voter, [Ballot("my card", cards)], store, NoProgress())
            assert report.remembered == 0
        assert store.count() == 5


def test_an_interrupted_run_resumes_and_asks_nothing_twice():
    ballots = [Ballot(f"text {i}", CARDS) for i in range(50)]
    with Store(None) as store:
        first = Scripted(by_length, dies_after=32)
        with pytest.raises(KeyboardInterrupt):
            collect_votes(first, ballots, store, NoProgress())
        assert store.count() == 32
        second, progress = Scripted(by_length), Counting()
        votes, report = collect_votes(second, ballots, store, progress)
    assert first.asked + second.asked == [ballot.text for ballot in ballots]
    assert votes == [by_length(ballot) for ballot in ballots]
    assert (report.asked, report.remembered, progress.done) == (50, 32, 50)


def test_groups_are_those_of_the_whole_list_whatever_is_remembered():
    ballots = [Ballot(f"text {i}", CARDS) for i in range(11)]
    groups = [tuple(b.text for b in ballots[i : i + 4]) for i in (0, 4, 8)]
    whole = Scripted(by_length)
    with Store(None) as store:
        collect_votes(whole, ballots, store, NoProgress())
    assert whole.calls == groups
    with Store(None) as store:
        # Another list had the second group's votes, and one of the third's.
        collect_votes(Scripted(by_length), [*ballots[4:8], ballots[9]], store, NoProgress())
        resumed = Scripted(by_length)
        votes, report = collect_votes(resumed, ballots, store, NoProgress())
    assert resumed.calls == [groups[0], ("text 8", "text 10")]
    assert votes == [by_length(ballot) for ballot in ballots]
    assert (report.remembered, report.tokens) == (5, 7 * 6)


def test_each_group_is_committed_before_it_is_reported(tmp_path):
    path = tmp_path / "votes.sqlite"
    reported = []

    class Looking(NoProgress):
        def advance(self, steps=1):
            with Store(path) as other:  # another connection sees what is committed only
                reported.append((steps, other.count()))

    ballots = [Ballot(f"text {i}", CARDS) for i in range(6)]
    with Store(path) as store:
        collect_votes(Scripted(by_length), ballots, store, Looking())
    assert reported == [(0, 0), (4, 4), (2, 6)]


def test_what_another_process_stored_first_stands(tmp_path):
    path = tmp_path / "votes.sqlite"

    def beaten(ballot):
        if ballot.text == "my card":
            with Store(path) as other:
                collect_votes(
                    Scripted(lambda _: Vote((5.0, 6.0))), BALLOTS[:1], other, NoProgress()
                )
        return by_length(ballot)

    with Store(path) as store:
        votes, _ = collect_votes(Scripted(beaten), BALLOTS, store, NoProgress())
        again, _ = collect_votes(Scripted(None), BALLOTS, store, NoProgress())
    assert [vote.scores for vote in votes] == [(5.0, 6.0), (6.0, -1.0), (5.0, -1.0)]
    assert again == votes


def test_what_another_process_votes_meanwhile_is_not_asked(tmp_path):
    path, progress = tmp_path / "votes.sqlite", Counting()
    other = Scripted(by_length)

    def answer(ballot):
        if ballot.text == "text 1":
            with Store(path) as theirs:
                collect_votes(other, MANY[4:14], theirs, NoProgress())
        return by_length(ballot)

    voter = Scripted(answer)
    with Store(path) as store:
        votes, report = collect_votes(voter, MANY, store, progress)
    # Of the groups of four, the second and third were voted on meanwhile, and half of the fourth.
    assert voter.calls == [
        tuple(f"text {i}" for i in group) for group in (range(4), (14, 15), range(16, 20))
    ]
    assert votes == [by_length(ballot) for ballot in MANY]
    assert (report.asked, report.remembered, progress.done) == (20, 10, 20)


def test_processes_that_begin_together_part(tmp_path):
    path, ballots = tmp_path / "votes.sqlite", [Ballot(f"text {i}", CARDS) for i in range(100)]

    def answer(ballot):
        time.sleep(0.01)
        return by_length(ballot)

    def work(voter):
        with Store(path) as store:
            return collect_votes(voter, ballots, store, NoProgress())

    voters_ = [Scripted(answer, together=1) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(work, voters_))
    for votes, report in both:
        assert votes == [by_length(ballot) for ballot in ballots]
        assert report.asked == 100
    # A few are asked twice, where one runs into the other.
    assert 100 <= sum(len(voter.asked) for voter in voters_) < 130


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is put on."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(voters, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def timed(clock, seconds, dies_after=None):
    """A voter that takes as long for each ballot, four at a time."""

    def answer(ballot):
        clock.now += seconds
        return by_length(ballot)

    return Scripted(answer, dies_after)


MANY = [Ballot(f"text {i}", CARDS) for i in range(20)]


def test_no_group_begins_once_the_time_is_up(clock):
    with Store(None) as store:
        first = timed(clock, 0.5)
        votes, report = collect_votes(first, MANY, store, NoProgress(), limit=5.0)
        # Groups of two seconds: the third ends at 6.
        assert votes == [*map(by_length, MANY[:12]), *[Vote(None)] * 8]
        assert (report.asked, report.spent, report.seconds) == (12, 6.0, 6.0)
        assert report.unasked == 8
        # What is remembered needs no time, and a run whose time is up asks nothing more.
        clock.now += 500
        second = timed(clock, 0.5)
        again, report = collect_votes(second, MANY, store, NoProgress(), limit=5.0)
        assert again == votes
        assert (second.asked, report.asked, report.remembered) == ([], 12, 12)
        assert (report.spent, report.seconds) == (6.0, 0.0)
        # A larger budget goes on from there: up to 9 seconds in all.
        third = timed(clock, 0.5)
        _, report = collect_votes(third, MANY, store, NoProgress(), limit=9.0)
        assert (len(third.asked), report.spent, report.seconds) == (8, 10.0, 4.0)
        assert report.unasked == 0


def test_a_resumed_run_has_the_time_that_is_left(clock, tmp_path):
    path = tmp_path / "votes.sqlite"
    with Store(path) as store, pytest.raises(KeyboardInterrupt):
        collect_votes(timed(clock, 0.5, dies_after=8), MANY, store, NoProgress(), limit=7.0)
    with Store(path) as store:
        resumed = timed(clock, 0.5)
        _, report = collect_votes(resumed, MANY, store, NoProgress(), limit=7.0)
        # Two groups took four seconds before; two more end at 8, as in one run.
        assert (report.asked, report.remembered, report.spent) == (16, 8, 8.0)
        assert len(resumed.asked) == 8
        # Other ballots are another run, and a store that forgot begins anew.
        other = timed(clock, 0.5)
        collect_votes(other, [*MANY[16:], *MANY[:16]], store, NoProgress(), limit=1.0)
        assert other.asked == ["text 16", "text 17", "text 18", "text 19"]
        store.clear()
        anew = timed(clock, 0.5)
        _, report = collect_votes(anew, MANY, store, NoProgress(), limit=7.0)
        assert (len(anew.asked), report.spent) == (16, 8.0)


def test_processes_share_the_time(clock, tmp_path):
    path = tmp_path / "votes.sqlite"
    twin = timed(clock, 0.5)

    def answer(ballot):
        if ballot.text == "text 4":  # the other process works at the same time
            now = clock.now
            with Store(path) as theirs:
                collect_votes(twin, MANY, theirs, NoProgress(), limit=5.0)
            clock.now = now
        clock.now += 0.5
        return by_length(ballot)

    voter = Scripted(answer)
    with Store(path) as store:
        votes, report = collect_votes(voter, MANY, store, NoProgress(), limit=7.0)
    # Two seconds for the first group, two groups of the other process's until 6, and our second,
    # which ends at 8.
    assert voter.asked == [f"text {i}" for i in range(8)]
    assert twin.asked == [f"text {i}" for i in range(4, 12)]
    assert votes == [*map(by_length, MANY[:12]), *[Vote(None)] * 8]
    assert (report.asked, report.remembered, report.spent) == (12, 4, 8.0)


def test_a_model_is_loaded_when_it_is_first_asked(smollm2, tmp_path):
    gone = LlamaVoter(CHANNEL, dataclasses.replace(smollm2, path=tmp_path / "gone.gguf"))
    with Store(None) as store:
        store.put_votes([(key, (1.0, 2.0)) for key in keys_of(gone, BALLOTS[:2])])
        votes, report = collect_votes(gone, BALLOTS[:2], store, NoProgress())
        assert votes == [Vote((1.0, 2.0))] * 2
        assert (report.remembered, report.tokens) == (2, 0)
        with pytest.raises(ModelError, match=r"gone\.gguf: llama.cpp can't load this model"):
            collect_votes(gone, BALLOTS, store, NoProgress())
    gone.close()


def keys_of(voter, ballots):
    """What the votes are stored by, from a voter with the same key."""
    twin = Scripted(by_length)
    twin.key = voter.key
    with Store(None) as store:
        collect_votes(twin, ballots, store, NoProgress())
        return [key for (key,) in store._database.execute("SELECT key FROM votes")]


def test_failures_are_counted_by_reason_and_asked_again():
    def answer(ballot):
        failure = {"so wet": "too wet", "hello": "rude"}.get(ballot.text)
        return Vote(None, failure) if failure else by_length(ballot)

    ballots = [*BALLOTS, Ballot("so wet", CARDS[::-1])]
    with Store(None) as store:
        votes, report = collect_votes(Scripted(answer), ballots, store, NoProgress())
        assert report.failures == {"too wet": 2, "rude": 1}
        assert [vote.scores for vote in votes] == [(7.0, -1.0), None, None, None]
        assert store.count() == 1
        healthy = Scripted(by_length)
        _, report = collect_votes(healthy, ballots, store, NoProgress())
    assert healthy.asked == ["so wet", "hello", "so wet"]
    assert (report.remembered, report.failures) == (1, {})


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf"), 1e39])
def test_scores_that_are_not_finite_are_a_failure(score):
    def answer(ballot):
        return Vote((1.0, score)) if ballot.text == "so wet" else by_length(ballot)

    with Store(None) as store:
        votes, report = collect_votes(Scripted(answer), BALLOTS, store, NoProgress())
        assert store.count() == 2
        # Stores of earlier versions may hold some.
        (key,) = set(keys_of(Scripted(None), BALLOTS)) - set(keys_of(Scripted(None), BALLOTS[::2]))
        store.put_votes([(key, (1.0, score))])
        again, second = collect_votes(Scripted(answer), BALLOTS, store, NoProgress())
    reason = "the model's probabilities are no numbers"
    assert votes == again == [Vote((7.0, -1.0)), Vote(None, reason), Vote((5.0, -1.0))]
    assert report.failures == second.failures == {reason: 1}
    assert (report.remembered, second.remembered) == (0, 2)


def test_no_ballots():
    with Store(None) as store:
        votes, report = collect_votes(Scripted(by_length), [], store, NoProgress())
    assert votes == []
    assert (report.asked, report.remembered, report.failures) == (0, 0, {})


def test_a_voter_works_with_as_many_threads_as_it_is_told(smollm2):
    one = LlamaVoter(dataclasses.replace(CHANNEL, threads=1), smollm2)
    try:
        one.vote(BALLOTS[:1])
        assert one._engine.threads == 1
        assert one.key == f"{smollm2.digest} channel.v4 2 128"
    finally:
        one.close()


def test_the_key_names_what_can_change_answers(smollm2, voter):
    # 512 tokens for four candidates: a longer prefix would lose exemplars.
    assert voter.key == f"{smollm2.digest} channel.v4 2 128"
    changed = dataclasses.replace(CHANNEL, ballot="choice", permutations=3, context_tokens=256)
    other = LlamaVoter(changed, smollm2)
    other.close()
    # Sizes of the batch, and here of the cache, change speed, not answers.
    assert other.key == f"{smollm2.digest} choice.v3 choice_message.v2 2 3"
    shorter = LlamaVoter(dataclasses.replace(changed, max_text_tokens=64), smollm2)
    shorter.close()
    assert shorter.key == f"{other.key} 64 tokens"
