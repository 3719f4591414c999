"""What a browser loads first is there before the application is."""

import asyncio
import subprocess
import sys
import threading

import pytest
from fixtures.indexed import add_index
from fixtures.reviewed import Served

from labelmend.review.serving.front import Front
from labelmend.review.serving.guard import Door

DOOR = Door("t" * 20, "127.0.0.1", 8377)

HEAVY = ("fastapi", "pandas", "scipy", "sklearn", "jinja2", "labelmend.configs.schema")
"""What takes long to load, and no row needs."""


async def asked(front, path, method="GET"):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": b""}
    await front(scope, None, send)
    return sent


def test_the_shell_does_not_wait_for_the_application():
    may_go = threading.Event()

    async def app(scope, receive, send):
        await send({"app": scope["path"]})

    def make():
        assert may_go.wait(20)
        return app

    async def play():
        front = Front(DOOR, make)
        for path in ("/", "/static/review.js", "/static/review.css"):
            start, body = await asked(front, path)
            assert start["status"] == 200
            assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
        assert (await asked(front, "/", "POST"))[0]["status"] == 405
        assert not front.loading.done()
        waiting = asyncio.ensure_future(asked(front, "/api/start"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        may_go.set()
        assert await waiting == [{"app": "/api/start"}]
        assert await asked(front, "/api/next") == [{"app": "/api/next"}]

    asyncio.run(play())


def test_an_application_that_can_not_be_made_ends_the_server(table, monkeypatch):
    def broken(desk):
        raise RuntimeError("it can't be made")

    monkeypatch.setattr("labelmend.review.serving.app.make_app", broken)
    server = Served(table).server
    with pytest.raises(RuntimeError, match="it can't be made"):
        server.serve()


def test_what_no_row_needs_is_not_loaded_at_the_start(table):
    add_index(table)
    code = (
        "import sys; from pathlib import Path\n"
        "from labelmend.cli.app import app\n"
        "from labelmend.data.request import TableRequest\n"
        "from labelmend.review.ranking.indexed import read_indexed\n"
        "import labelmend.workflows.review, labelmend.review.desk\n"
        "import labelmend.review.serving.server\n"
        "print(sorted(set(sys.argv[2:]) & set(sys.modules)))\n"
        "found, problem = read_indexed(TableRequest(Path(sys.argv[1])), None)\n"
        "assert found is not None, problem\n"
        "print({'pandas', 'scipy'} & set(sys.modules))\n"
    )
    words = [sys.executable, "-c", code, str(table), *HEAVY]
    assert subprocess.check_output(words, text=True).split() == ["[]", "set()"]
