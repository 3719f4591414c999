"""The page's JSON over HTTP; `front.py` has the shell and its files."""

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from labelmend.errors import LabelmendError
from labelmend.http.asgi import App
from labelmend.review.desk import Desk
from labelmend.review.label_set.routes import add_label_set
from labelmend.review.pictures.gallery import Pictures
from labelmend.review.queues import Queue
from labelmend.review.seats import RefusedError, Tab
from labelmend.review.serving.pictures import AnswerChosen, NextChosen, add_pictures
from labelmend.review.serving.refusals import documented
from labelmend.review.serving.requests import (
    FromTab,
    NewGoal,
    OneRow,
    Row,
    TabName,
    Who,
)
from labelmend.voice.speak import speaking

if TYPE_CHECKING:
    from labelmend.review.sets.desk import SetDesk

QueueName = Annotated[Queue, Query()]
RowNumber = Annotated[Row, Query()]


class Plain(JSONResponse):
    """JSON in ASCII: a text may hold halves of characters, which UTF-8 can't."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def make_app(desk: "Desk | SetDesk") -> App:
    """Return the application: whoever lets requests through to it guards it.

    Args:
        desk: what it shows.
    """
    app = FastAPI(
        title="labelmend review",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        default_response_class=Plain,
        responses=documented(),
    )
    _reading(app, desk)
    if isinstance(desk, Desk):
        pictures = Pictures(desk.sitting)
        _answering(app, desk, pictures)
        add_pictures(app, pictures)
        add_label_set(app, desk.labels)
    else:
        from labelmend.review.sets.routes import add_sets

        add_sets(app, desk)
    _sitting(app, desk)
    _refusing(app)
    return app


def _reading(app: FastAPI, desk: "Desk | SetDesk") -> None:
    @app.get("/api/start")
    def start() -> Any:
        return Plain(desk.start())

    @app.get("/api/progress")
    def progress(who: Annotated[Who, Query()]) -> Any:
        return Plain(desk.progress(who))


def _sitting(app: FastAPI, desk: "Desk | SetDesk") -> None:
    """Answer what is the same however many labels a row has."""

    @app.post("/api/undo")
    def undo(body: FromTab) -> Any:
        item = desk.sitting.undo(body.sender())
        with speaking(desk.language):
            return Plain({"item": item.plain()})

    @app.post("/api/reveal")
    def reveal(body: OneRow) -> Any:
        item = desk.sitting.reveal(body.sender(), body.queue, body.row)
        with speaking(desk.language):
            return Plain({"item": item.plain()})

    @app.post("/api/hold")
    def hold(body: FromTab) -> Any:
        desk.sitting.hold(body.sender())
        return Plain({})

    @app.post("/api/release")
    def release(body: FromTab) -> Any:
        desk.sitting.release(body.sender())
        return Plain({})

    @app.post("/api/apply")
    def apply(body: FromTab) -> Any:
        desk.apply()
        return Plain(desk.progress(body.who))


def _answering(app: FastAPI, desk: Desk, pictures: Pictures) -> None:
    @app.get("/api/why")
    def why(
        tab: Annotated[TabName, Query()],
        who: Annotated[Who, Query()],
        queue: QueueName,
        row: RowNumber,
    ) -> Any:
        with speaking(desk.language):
            return Plain(desk.sitting.why(Tab(tab, who), queue, row))

    @app.post("/api/next")
    def next_row(body: NextChosen) -> Any:
        among = pictures.among(body.choice)
        item = desk.sitting.next_row(body.sender(), body.queue, body.skip, among)
        return Plain({"item": None if item is None else item.plain()})

    @app.post("/api/answer")
    def answer(body: AnswerChosen) -> Any:
        tab, among = body.sender(), pictures.among(body.choice)
        written = desk.sitting.answer(tab, body.said())
        item = desk.sitting.next_row(tab, body.queue, among=among)
        return Plain(
            {
                "answers": [one.answer for one in written],
                "item": None if item is None else item.plain(),
            }
        )

    @app.post("/api/batch")
    def batch(body: OneRow) -> Any:
        items = desk.sitting.batch(body.sender(), body.row)
        return Plain({"items": [item.plain() for item in items]})

    @app.post("/api/goal")
    def goal(body: NewGoal) -> Any:
        desk.set_goal(body.goal)
        return Plain(desk.progress(body.who))


def _refusing(app: FastAPI) -> None:
    """Say each refusal in one form: a word of the catalogue, and its facts."""

    @app.exception_handler(RefusedError)
    def refused(_: Request, error: RefusedError) -> Response:
        return Plain({"error": error.code, "facts": error.facts}, error.status)

    @app.exception_handler(LabelmendError)
    def failed(_: Request, error: LabelmendError) -> Response:
        said = str(error).encode(errors="replace").decode()
        return Plain({"error": "failed", "facts": {"said": said}}, 500)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, _error: RequestValidationError) -> Response:
        return Plain({"error": "invalid", "facts": {}}, 422)

    @app.exception_handler(HTTPException)
    def missing(_: Request, error: HTTPException) -> Response:
        code = "not-found" if error.status_code == 404 else "invalid"
        return Plain({"error": code, "facts": {}}, error.status_code, error.headers)
