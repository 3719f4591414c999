"""The requests of the page where a row may have several labels."""

from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import Field

from labelmend.review.seats import Said
from labelmend.review.serving.requests import Label, NextRow, OneRow
from labelmend.review.sets.desk import SetDesk
from labelmend.voice.speak import speaking

_MOST_LABELS = 1024
"""Of an answer: far more than anybody switches on."""


class NewSet(OneRow):
    """An answer: see `Said`; labels go with the verdict "label" alone."""

    verdict: Literal["label", "none", "unsure"]
    # JSON has lists; only their items are held to their types.
    labels: Annotated[tuple[Label, ...], Field(max_length=_MOST_LABELS, strict=False)] = ()
    revealed: bool = False

    def said(self) -> Said:
        """Return what is said."""
        return Said(self.queue, self.row, self.verdict, self.labels, self.revealed)


def add_sets(app: FastAPI, desk: SetDesk) -> None:
    """Let an application answer the requests of such a page."""

    @app.post("/api/next")
    def next_row(body: NextRow) -> Any:
        with speaking(desk.language):
            item = desk.sitting.next_row(body.sender(), body.queue, body.skip)
            return {"item": None if item is None else item.plain()}

    @app.post("/api/answer")
    def answer(body: NewSet) -> Any:
        tab = body.sender()
        written = desk.sitting.answer(tab, body.said())
        with speaking(desk.language):
            item = desk.sitting.next_row(tab, body.queue)
            return {
                "answers": [one.answer for one in written],
                "item": None if item is None else item.plain(),
            }
