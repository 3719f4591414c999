"""The seams: what labelmend asks of a model or an index, and nothing more."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from labelmend.types import Floats, Ints, Ranking


class Encoder(Protocol):
    """Turns texts into vectors of unit length: a dot product is a cosine.

    Some models read a query and what it is to find differently: row texts are queries, label
    descriptions passages. For the others both methods do the same.
    """

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], one vector a row text."""
        ...

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], one vector a label description."""
        ...


@runtime_checkable
class Searcher(Protocol):
    """Names labels for the distinct texts of one dataset."""

    def search(self, texts: Ints, limit: int) -> Ranking:
        """Return the best labels, at most `limit`, of each text [b]."""
        ...


class Reranker(Protocol):
    """Scores a query and a passage read together."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """Return one logit a (query, passage) pair, float32 [p]; higher is more relevant."""
        ...


class Progress(Protocol):
    """Hears how far the work is; the command line draws it, a library caller may ignore it."""

    def start(self, stage: str, total: int) -> None:
        """A stage begins that has `total` steps."""
        ...

    def advance(self, steps: int = 1) -> None:
        """`steps` more steps of the current stage are done."""
        ...


class NoProgress:
    """A listener that does nothing."""

    def start(self, stage: str, total: int) -> None:
        """Ignore it."""

    def advance(self, steps: int = 1) -> None:
        """Ignore it."""
