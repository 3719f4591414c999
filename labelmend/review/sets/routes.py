"""The requests of the page where a row may have several labels."""

from typing import Annotated, Any, Literal

from fastapi import FastAPI
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from labelmend.review.seats import Said
from labelmend.review.serving.requests import Label, NextRow, OneRow
from labelmend.review.sets.desk import SetDesk
from labelmend.voice.speak import speaking

_ANSWER_RULE: JsonDict = {
    "if": {"properties": {"verdict": {"enum": ["none", "unsure"]}}},
    "then": {"properties": {"labels": {"maxItems": 0}}},
}
"""Says to readers of the schema what the sitting checks: labels go with the verdict "label"."""


class NewSet(OneRow):
    """An answer: see `Said`."""

    model_config = ConfigDict(json_schema_extra=_ANSWER_RULE)

    verdict: Literal["label", "none", "unsure"]
    # JSON has lists; only their items are held to their types. How many there may be is bounded by
    # the size of a body.
    labels: Annotated[tuple[Label, ...], Field(strict=False)] = ()
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
