"""The requests of the pictures: map, matrix, and how many rows a choice has."""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Response

from labelmend.review.pictures.choice import Choice
from labelmend.review.pictures.gallery import Pictures
from labelmend.review.serving.requests import FromTab, Label, NewAnswer, NextRow, Row, Who

_MOST_TEXTS = 24
"""Whose beginnings one request asks for: as many as a list beside the map shows."""

_BINARY = "application/octet-stream"


class NewChoice(FromTab):
    """What a person picked in a picture."""

    choice: Choice


class NextChosen(NextRow):
    """The next row, of those that the person picked where they did."""

    choice: Choice | None = None


class AnswerChosen(NewAnswer):
    """An answer, whose reply brings the next row of those that the person picked."""

    choice: Choice | None = None


def add_pictures(app: FastAPI, pictures: Pictures) -> None:
    """Add the routes."""

    @app.get("/api/map", response_class=Response, responses={200: {"content": {_BINARY: {}}}})
    def text_map(who: Annotated[Who, Query()]) -> Response:
        return Response(pictures.map(who), media_type=_BINARY)

    @app.get("/api/matrix")
    def matrix(who: Annotated[Who, Query()], label: Annotated[Label | None, Query()] = None) -> Any:
        return pictures.matrix(who, label)

    @app.get("/api/texts")
    def texts(row: Annotated[tuple[Row, ...], Query(max_length=_MOST_TEXTS)]) -> Any:
        return {"texts": pictures.texts(row)}

    @app.post("/api/choose")
    def choose(body: NewChoice) -> Any:
        return {"texts": pictures.open_texts(body.who, body.choice)}
