"""LLM voters: a model and its ballot, what they remember, and what they did."""

import math
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from labelmend.configs.schema import VoterConfig
from labelmend.llm.ballots import BALLOTS, ChannelBallot, ChoiceBallot
from labelmend.llm.engine import LlamaEngine
from labelmend.llm.fleet.voter import FleetVoter
from labelmend.llm.server import ServerVoter
from labelmend.llm.store import Store, key_of
from labelmend.llm.types import Ballot, Streaming, Vote, Voter, VoterReport
from labelmend.parallel import blocks_of
from labelmend.prompts.render import CHANNEL, CHOICE, CHOICE_MESSAGE
from labelmend.protocols import Progress
from labelmend.types import LabelCard
from labelmend.weights.locate import LocatedModel


class LlamaVoter:
    """A GGUF model that answers ballots in this process; it is loaded when it is first asked."""

    together = 1  # a small model's ballot is a good part of a second's work

    def __init__(self, config: VoterConfig, model: LocatedModel) -> None:
        self.name = model.name
        self._config = config
        self._path = model.path
        prompt = f"{CHOICE} {CHOICE_MESSAGE} {config.exemplars} {config.permutations}"
        if config.ballot == "channel":
            # How many exemplars a prefix has room for.
            room = config.context_tokens // config.candidates
            prompt = f"{CHANNEL} {config.exemplars} {room}"
        # The votes of before this could be set are of ballots that were cut at its default.
        if config.max_text_tokens != VoterConfig.max_text_tokens:
            prompt += f" {config.max_text_tokens} tokens"
        self.key = f"{model.digest} {prompt}"
        self._engine: LlamaEngine | None = None

    @cached_property
    def _ballot(self) -> ChannelBallot | ChoiceBallot:
        config = self._config
        self._engine = LlamaEngine(
            self._path,
            context_tokens=config.context_tokens,
            batch_tokens=config.batch_tokens,
            gpu_layers=config.gpu_layers,
            threads=config.threads,
        )
        return BALLOTS[config.ballot](self._engine, config)

    @property
    def tokens(self) -> int:
        """How many tokens were decoded so far."""
        return self._engine.decoded_tokens if self._engine else 0

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot, in order.

        Raises:
            ModelError: llama.cpp can't load the model.
        """
        return self._ballot.vote(ballots)

    def close(self) -> None:
        """Free the model."""
        if self._engine:
            self._engine.close()


def open_voter(config: VoterConfig, model: LocatedModel) -> Voter:
    """Return a voter, in this process or on its servers.

    Raises:
        ConfigError: the server's settings can't be used.
        ModelError: the server can't be used.
    """
    if config.server is None:
        return LlamaVoter(config, model)
    kind = FleetVoter if config.server.more_urls else ServerVoter
    return kind(config, config.server, model.name)


NO_NUMBERS = "the model's probabilities are no numbers"

_LARGEST = float(np.finfo(np.float32).max)
"""Evidence is kept in 32 bits."""

_APART = 16
"""Groups that a process leaves to another one that is asking the same, for speed alone."""


def collect_votes(
    voter: Voter,
    ballots: Sequence[Ballot],
    store: Store,
    progress: Progress,
    *,
    limit: float = math.inf,
) -> tuple[list[Vote], VoterReport]:
    """Put ballots to a voter, but those that the store remembers.

    Ballots go to the voter in groups that the list of them alone determines, and each group's votes
    are committed in one transaction before they are reported as done. So a run that was killed has
    whole groups behind it, and the one that resumes asks what it would have asked. Failures are not
    stored: they are asked again next time. A vote with a score that is not finite is one.

    Processes that share a store share the work: each group is looked up again before it is asked,
    and a process whose votes another one stored first goes on some groups ahead of it. No vote
    depends on that, as none depends on the group. A voter that has several groups under way may
    answer them in another order, and in parts.

    Args:
        voter: is asked.
        ballots: distinct ones.
        store: remembers votes.
        progress: advances by votes.
        limit: seconds; no group is begun once these ballots have taken so long. What earlier runs
            and other processes spent on them counts, as far as the store knows.

    Returns:
        one vote a ballot, in order, without scores or failure where the time was up before; and the
        report.

    Raises:
        ModelError: the voter can't be loaded or was lost; votes so far are stored.
    """
    began, read_before = time.monotonic(), voter.tokens
    tally = _Tally(voter, ballots, store)
    remembered = tally.recall(range(len(ballots)))
    progress.start(f"vote {voter.name}", len(ballots))
    progress.advance(remembered)
    every = range(len(ballots))
    waiting = deque(every[part] for part in blocks_of(len(ballots), voter.together))

    def unknown() -> Iterator[Sequence[int]]:
        nonlocal remembered
        while waiting:
            group = waiting.popleft()
            found = tally.recall(tally.missing(group))
            if found:
                remembered += found
                progress.advance(found)
            missing = tally.missing(group)
            if missing and tally.seconds() < limit:
                yield missing

    for places, was_first in tally.asked(unknown()):
        progress.advance(len(places))
        if not was_first:
            waiting.rotate(-_APART)
    votes = tally.votes
    failures = Counter(vote.failure for vote in votes if vote and vote.failure is not None)
    if failures:
        voter.vote([])  # one that was lost in the last group says so in the next call
    report = VoterReport(
        voter=voter.name,
        asked=sum(vote is not None for vote in votes),
        remembered=remembered,
        failures=dict(failures),
        seconds=time.monotonic() - began,
        spent=tally.seconds(),
        tokens=voter.tokens - read_before,
        unasked=votes.count(None),
        answered=voter.answered if isinstance(voter, Streaming) else {},
    )
    return [vote or Vote(None) for vote in votes], report


class _Tally:
    """The votes on some ballots, as far as they are known, and the store that shares them.

    Attributes:
        votes: one a ballot; None where it was neither remembered nor asked.
    """

    def __init__(self, voter: Voter, ballots: Sequence[Ballot], store: Store) -> None:
        self._voter = voter
        self._ballots = ballots
        self._store = store
        self._keys = [key_of(voter.key, b.text, *map(_card_key, b.candidates)) for b in ballots]
        self._same_ballots = key_of("seconds", *self._keys)
        self.votes: list[Vote | None] = [None] * len(ballots)

    def missing(self, places: Sequence[int]) -> list[int]:
        """Return which of some ballots have no vote."""
        return [i for i in places if self.votes[i] is None]

    def seconds(self) -> float:
        """Return how long all processes have asked about these ballots."""
        return self._store.seconds(self._same_ballots)

    def recall(self, places: Sequence[int]) -> int:
        """Take over the votes that the store holds, and return how many."""
        known = self._store.votes([self._keys[i] for i in places])
        sound = [i for i in places if _is_sound(known.get(self._keys[i]))]
        for i in sound:
            self.votes[i] = Vote(known[self._keys[i]])
        return len(sound)

    def asked(self, groups: Iterator[Sequence[int]]) -> Iterator[tuple[Sequence[int], bool]]:
        """Put groups of ballots to the voter, and store its votes.

        Yields:
            the places of ballots whose votes are stored, and whether no other process was faster.

        Raises:
            ModelError: the voter can't be loaded or was lost.
        """
        if isinstance(self._voter, Streaming):
            began = time.monotonic()
            for places, answers in self._voter.stream(groups, self._ballots):
                was_first = self._keep(places, answers, began)
                began = time.monotonic()
                yield places, was_first
            return
        for places in groups:
            began = time.monotonic()
            answers = self._voter.vote([self._ballots[i] for i in places])
            yield places, self._keep(places, answers, began)

    def _keep(self, places: Sequence[int], answers: Sequence[Vote], began: float) -> bool:
        """Store votes, and tell whether no other process was faster."""
        said = []
        for i, answer in zip(places, answers, strict=True):
            self.votes[i] = answer
            if answer.scores is not None and _is_sound(answer.scores):
                said.append((self._keys[i], answer.scores))
            elif answer.scores is not None:
                self.votes[i] = Vote(None, NO_NUMBERS)
        new = self._store.put_votes(said)
        self.recall(places)  # what the store holds is what a later run sees
        self._store.add_seconds(self._same_ballots, time.monotonic() - began)
        return new == len(said)


def _is_sound(scores: Sequence[float] | None) -> bool:
    """Tell whether there are scores, and all of them are finite."""
    return scores is not None and all(abs(score) <= _LARGEST for score in scores)


def _card_key(card: LabelCard) -> str:
    return key_of(card.label, card.description, *card.exemplars)
