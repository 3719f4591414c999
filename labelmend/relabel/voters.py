"""LLM voters: a model and its ballot, what they remember, and what they did."""

import time
from collections import Counter
from collections.abc import Sequence

from labelmend.configs.schema import VoterConfig
from labelmend.prompts.render import CHANNEL, CHOICE
from labelmend.protocols import Progress, Voter
from labelmend.relabel.ballots import BALLOTS
from labelmend.relabel.llama import LlamaEngine
from labelmend.relabel.store import Store, key_of
from labelmend.types import Ballot, LabelCard, Vote, VoterReport
from labelmend.weights.locate import LocatedModel

_TOGETHER = 4
"""Ballots voted on between two commits of the store: what a kill -9 can lose."""


class LlamaVoter:
    """A GGUF model that answers ballots in this process."""

    def __init__(self, config: VoterConfig, model: LocatedModel) -> None:
        """Load the model.

        Raises:
            ModelError: llama.cpp can't load it.
        """
        self.name = model.name
        prompt = CHANNEL if config.ballot == "channel" else CHOICE
        self.key = f"{model.digest} {prompt} {config.exemplars} {config.permutations}"
        self._engine = LlamaEngine(
            model.path,
            context_tokens=config.context_tokens,
            batch_tokens=config.batch_tokens,
            gpu_layers=config.gpu_layers,
        )
        self._ballot = BALLOTS[config.ballot](self._engine, config)

    def vote(self, ballots: Sequence[Ballot]) -> list[Vote]:
        """Return one vote a ballot, in order."""
        return self._ballot.vote(ballots)

    def close(self) -> None:
        """Free the model."""
        self._engine.close()


def collect_votes(
    voter: Voter, ballots: Sequence[Ballot], store: Store, progress: Progress
) -> tuple[list[Vote], VoterReport]:
    """Put ballots to a voter, but those that the store remembers.

    Votes are stored as they come, so that an interrupted run resumes. Failures are not: they are
    asked again next time.
    """
    began = time.monotonic()
    keys = [key_of(voter.key, b.text, *map(_card_key, b.candidates)) for b in ballots]
    known = store.votes(keys)
    votes = [Vote(known[key]) if key in known else None for key in keys]
    remembered = sum(vote is not None for vote in votes)
    progress.start(f"vote {voter.name}", len(ballots))
    progress.advance(remembered)
    missing = [i for i, vote in enumerate(votes) if vote is None]
    for start in range(0, len(missing), _TOGETHER):
        part = missing[start : start + _TOGETHER]
        answers = voter.vote([ballots[i] for i in part])
        store.put_votes([
            (keys[i], answer.scores)
            for i, answer in zip(part, answers, strict=True)
            if answer.scores is not None
        ])  # fmt: skip
        for i, answer in zip(part, answers, strict=True):
            votes[i] = answer
        progress.advance(len(part))
    complete = [vote for vote in votes if vote is not None]
    failures = Counter(vote.failure for vote in complete if vote.failure is not None)
    seconds = time.monotonic() - began
    report = VoterReport(voter.name, len(ballots), remembered, dict(failures), seconds)
    return complete, report


def _card_key(card: LabelCard) -> str:
    return key_of(card.label, card.description, *card.exemplars)
