"""What a request is told that is refused: a status, a word for programs, a sentence for people."""

from dataclasses import dataclass


@dataclass
class RefusedError(Exception):
    """A request is refused.

    Attributes:
        status: of the reply.
        word: for programs.
        sentence: for people; it quotes no text and no token.
        is_last: whether the connection ends with the reply, for the body was not read to its end.
        retry_after: whole seconds after which it may be sent again; None for never.
    """

    status: int
    word: str
    sentence: str
    is_last: bool = False
    retry_after: int | None = None

    def plain(self) -> dict[str, str]:
        """Return the body of the reply."""
        return {"error": self.word, "message": self.sentence}


FAILED = {"error": "failed", "message": "this could not be done; the server's log says more"}
"""The body of a 500, which says nothing of what happened."""
