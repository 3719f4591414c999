"""The whole application: the door, the quick way to predictions, and all else by FastAPI.

Other parts of labelmend are mounted here. A part brings a router of FastAPI and an ear, either or
both:

    router = APIRouter()

    @router.post("/v1/feedback")
    async def feedback(body: Feedback, request: Request) -> ...:
        sender = sender_of(request.scope)    # labelmend.serve.door: of a token, or an address

    def heard(answered: Answered) -> None:   # labelmend.serve.answer: ids, texts, predictions
        ...                                  # in the event loop: hand it to a thread

    build_app(service, door, (Part(router, heard),))

What a route refuses it refuses by `RefusedError(status, word, sentence)`; what it raises otherwise
is a 500 that says nothing. The door has checked token, host, origin and the size of the body before
a route is called, and adds the headers of all replies. `labelmend.workflows.serve.parts_of` is
where parts are put together for the command.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from labelmend.http.asgi import App
from labelmend.serve.bodies import (
    HealthBody,
    LimitsBody,
    ModelBody,
    ModelsBody,
    asked_within,
    documented,
)
from labelmend.serve.door import Door
from labelmend.serve.gate import Gate
from labelmend.serve.lean import PREDICT, Predicting
from labelmend.serve.metrics import KIND
from labelmend.serve.page import add_page
from labelmend.serve.place import Patience
from labelmend.serve.refusals import FAILED, RefusedError
from labelmend.serve.service import Ear, Service
from labelmend.serve.task_bodies import answer_body
from labelmend.version import __version__

FEEDBACK = "/v1/feedback"
"""Where a part takes feedback, if there is one: the page then asks for it."""

DRIFT = "/v1/drift"
"""Where a part says whether the log has drifted, if there is one: the page then has a panel."""


@dataclass(frozen=True)
class Part:
    """What another part of labelmend adds to the application.

    Attributes:
        router: its routes; None for none.
        ear: hears each request that was answered; None for nobody.
    """

    router: APIRouter | None = None
    ear: Ear | None = None


def build_app(
    service: Service,
    door: Door,
    parts: Sequence[Part] = (),
    patience: Patience | None = None,
    language: str = "en",
) -> App:
    """Return the application.

    Args:
        service: answers.
        door: who is let in.
        parts: of others, see above.
        patience: with slow clients; the usual one if None.
        language: of the page.
    """
    app = FastAPI(
        title="labelmend serve",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    predicting = Predicting(service)
    _document_predict(app, service)
    add_page(app, door, language)
    for part in parts:
        if part.router is not None:
            app.include_router(part.router)
        if part.ear is not None:
            service.ears.append(part.ear)
    _telling(app, service, parts)
    _refusing(app)
    paths = {route.path for route in app.routes if isinstance(route, Route)} | {
        *app.openapi()["paths"]
    }
    return Gate(door, service, predicting, app, paths, patience or Patience())


def _document_predict(app: FastAPI, service: Service) -> None:
    """Add the route that `Predicting` takes, for the OpenAPI document."""
    asked = asked_within(service.limits.most_texts, service.limits.most_chars)

    @app.post(
        PREDICT,
        summary="Predict the labels of one text or many",
        response_model=answer_body(service.task),
        responses=documented(400, 401, 403, 408, 413, 415, 421, 422, 429),
    )
    async def predict(body: asked) -> Any:  # type: ignore[valid-type]
        raise NotImplementedError(body)


def _telling(app: FastAPI, service: Service, parts: Sequence[Part]) -> None:
    refusals = documented(401, 403, 421)
    routes = [route for part in parts if part.router is not None for route in part.router.routes]
    paths = frozenset(getattr(route, "path", "") for route in routes)

    @app.get("/v1/models", responses=refusals, response_model=ModelsBody)
    async def models() -> ModelsBody:
        """Tell which models are served, and the bounds of requests."""
        return _models(service, paths)

    @app.get("/health/live", response_model=HealthBody)
    async def live() -> HealthBody:
        """Tell that the server runs."""
        return HealthBody(status="live")

    @app.get(
        "/health/ready",
        response_model=HealthBody,
        responses={503: {"description": "The server is about to stop.", "model": HealthBody}},
    )
    async def ready() -> Response:
        """Tell whether new requests should come here."""
        if service.is_closing:
            return JSONResponse({"status": "closing"}, 503)
        return JSONResponse({"status": "ready"})

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **refusals},
    )
    async def metrics() -> Response:
        """Tell Prometheus what was done."""
        return Response(service.metrics.page(service.waiting), media_type=KIND)


def _models(service: Service, paths: frozenset[str]) -> ModelsBody:
    limits = service.limits
    return ModelsBody(
        models=[
            ModelBody(
                role=role,
                task=model.task,
                name=model.name,
                version=model.version,
                kind=model.kind,
                engine=model.engine.name,
                labels=list(model.labels),
                oos_label=model.oos_label,
                encoders=list(model.encoders),
                keeps_texts=model.kept is not None,
                since=model.since.isoformat(timespec="seconds"),
                problem=service.problems.get(role),
            )
            for role, model in service.models.items()
        ],
        limits=LimitsBody(
            most_texts=limits.most_texts,
            most_chars=limits.most_chars,
            most_body_bytes=limits.most_body,
            most_waiting_texts=limits.bounds.most_waiting,
        ),
        takes_feedback=FEEDBACK in paths,
        watches_drift=DRIFT in paths,
    )


def _refusing(app: FastAPI) -> None:
    """Say each refusal in one form."""

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> Response:
        headers = None if error.retry_after is None else {"retry-after": str(error.retry_after)}
        return JSONResponse(error.plain(), error.status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        places = [".".join(map(str, one["loc"])) for one in error.errors()[:1]]
        sentence = f"{''.join(places)}: is not of the form that is asked for; see /openapi.json"
        return JSONResponse({"error": "invalid", "message": sentence}, 422)

    @app.exception_handler(HTTPException)
    async def missing(_: Request, error: HTTPException) -> Response:
        word = {404: "not-found", 405: "wrong-method"}.get(error.status_code, "invalid")
        said = {"error": word, "message": "see /openapi.json for what there is"}
        return JSONResponse(said, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        return JSONResponse(FAILED, 500)
