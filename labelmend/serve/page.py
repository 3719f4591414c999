"""The page at `/`: its shell, its files, and the cookie that its address is changed for."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from labelmend.http.page import HTML, KINDS, shell_of, static_of, strings_of
from labelmend.serve.door import Door

_PACKAGE = "labelmend.serve"


def add_page(app: FastAPI, door: Door, language: str) -> None:
    """Add the routes, which the OpenAPI document does not have.

    Args:
        app: the application.
        door: changes a token for a cookie.
        language: of the page.
    """

    @app.get("/", include_in_schema=False)
    async def shell(request: Request) -> Response:
        token = door.token_of_page(request.scope["query_string"])
        if token is None:
            return Response(shell_of(_PACKAGE, language), media_type=HTML)
        # The token leaves the address, and with it the history and the screen.
        reply = RedirectResponse("/", 303)
        reply.headers["set-cookie"] = door.set_cookie(token)
        return reply

    @app.get("/static/strings.json", include_in_schema=False)
    async def strings() -> Response:
        return JSONResponse(strings_of(_PACKAGE, language))

    for end, kind in KINDS.items():
        _add_file(app, f"serve.{end}", kind)


def _add_file(app: FastAPI, name: str, kind: str) -> None:
    @app.get(f"/static/{name}", include_in_schema=False)
    async def file() -> Response:
        return Response(static_of(_PACKAGE, name), media_type=kind)
