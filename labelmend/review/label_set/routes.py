"""The requests of the view of labels."""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import Field, StringConstraints

from labelmend.data.label_edits.edits import MOST_DESCRIPTION, What
from labelmend.review.label_set.confusion import MOST_TEXTS
from labelmend.review.label_set.label_desk import Edit, LabelDesk
from labelmend.review.serving.requests import FromTab, Label, Row, Unicode, Who

_MOST_LINES = 2**31
"""No file of edits has so many lines."""


class NewEdit(FromTab):
    """An edit of a label: see `Edit`."""

    what: What
    label: Label
    to: Label | None = None
    description: Annotated[str, Field(max_length=MOST_DESCRIPTION), Unicode] | None = None
    rows: Annotated[tuple[Row, ...], Field(max_length=MOST_TEXTS, strict=False)] = ()
    seen: Annotated[int, Field(ge=0, lt=_MOST_LINES)]

    def said(self) -> Edit:
        """Return what is done."""
        return Edit(self.what, self.label, self.to, self.description, self.rows, self.seen)


class LastEdit(FromTab):
    """The last edit, by its name, is to be taken back."""

    edit: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


def add_label_set(app: FastAPI, desk: LabelDesk) -> None:
    """Let an application answer the requests of the view of labels."""

    @app.get("/api/labels")
    def labels(who: Annotated[Who, Query()]) -> Any:
        return desk.overview(who)

    @app.get("/api/labels/pair")
    def pair(
        who: Annotated[Who, Query()],
        one: Annotated[Label, Query()],
        other: Annotated[Label, Query()],
    ) -> Any:
        return desk.pair(who, one, other)

    @app.get("/api/labels/texts")
    def texts(who: Annotated[Who, Query()], label: Annotated[Label, Query()]) -> Any:
        return desk.texts(who, label)

    @app.post("/api/labels/edit")
    def edit(body: NewEdit) -> Any:
        desk.edit(body.sender(), body.said())
        return desk.overview(body.who)

    @app.post("/api/labels/undo")
    def undo(body: LastEdit) -> Any:
        desk.undo(body.sender(), body.edit)
        return desk.overview(body.who)
