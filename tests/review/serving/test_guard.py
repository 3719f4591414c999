"""What may not pass, over real HTTP: refused with the right status, and nothing is written."""

import socket

import httpx
import pytest

from labelmend.review.serving.guard import MOST_BODY, Door

ANSWER = {
    "tab": "tab-number-1",
    "who": "anna",
    "queue": "doubtful",
    "row": 0,
    "verdict": "label",
    "label": "fees",
}
ONE_ROW = {name: ANSWER[name] for name in ("tab", "who", "queue", "row")}


@pytest.fixture
def ask(served):
    """Send a request with these headers and no others."""

    def send(method="POST", path="/api/answer", headers=None, **rest):
        with httpx.Client(base_url=served.base, trust_env=False) as client:
            rest = {"json": ANSWER, **rest} if method == "POST" else rest
            return client.request(method, path, headers=headers, **rest)

    return send


def bearer(served, **more):
    return {"authorization": f"Bearer {served.door.token}", **more}


def refused(reply, status, code, served):
    assert (reply.status_code, reply.json()["error"]) == (status, code)
    assert served.lines() == []


def test_what_is_right_passes(ask, served):
    assert ask(headers=bearer(served)).status_code == 200
    assert len(served.lines()) == 1


def test_without_the_token(ask, served):
    refused(ask(headers={"origin": served.base}), 401, "no-token", served)
    refused(ask(headers=bearer(served) | {"authorization": "Bearer x"}), 401, "no-token", served)
    wrong = {"cookie": f"{served.door.cookie}=x", "origin": served.base}
    refused(ask(headers=wrong), 401, "no-token", served)
    for path in ("/", "/?token=x", "/static/review.js", "/api/start", "/api/openapi.json"):
        assert ask("GET", path).status_code == 401


def test_the_address_gives_a_cookie_and_loses_its_token(served):
    with httpx.Client(base_url=served.base, trust_env=False) as client:
        first = client.get("/", params={"token": served.door.token})
        assert (first.status_code, first.headers["location"]) == (303, "/")
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        page = client.get("/")
        assert page.status_code == 200
        assert served.door.token not in page.text
        # By a cookie, which goes along wherever the request comes from, only from our own page.
        refused(client.post("/api/answer", json=ANSWER), 403, "wrong-origin", served)
        ours = client.post("/api/answer", json=ANSWER, headers={"origin": served.base})
        assert ours.status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", ""])
def test_another_origin(ask, served, origin):
    origin = origin.format(port=served.door.port)
    refused(ask(headers=bearer(served, origin=origin)), 403, "wrong-origin", served)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", ""])
def test_another_host(ask, served, host):
    host = host.format(port=served.door.port)
    refused(ask(headers=bearer(served, host=host)), 421, "wrong-host", served)


def test_a_body_of_ten_megabytes(ask, served):
    large = b'{"tab": "' + b"x" * 10_000_000 + b'"}'
    refused(ask(headers=bearer(served), json=None, content=large), 413, "too-large", served)

    def parts():
        yield from (b"x" * 65_536 for _ in range(160))

    refused(ask(headers=bearer(served), json=None, content=parts()), 413, "too-large", served)


def test_a_body_at_the_limit_is_read(ask, served):
    least = ask(headers=bearer(served), json=None, content=b" " * MOST_BODY)
    assert (least.status_code, least.json()["error"]) == (422, "invalid")
    over = ask(headers=bearer(served), json=None, content=b" " * (MOST_BODY + 1))
    refused(over, 413, "too-large", served)


def test_a_body_that_says_it_is_endless_is_not_waited_for(served):
    head = (
        f"POST /api/answer HTTP/1.1\r\nHost: 127.0.0.1:{served.door.port}\r\n"
        f"Authorization: Bearer {served.door.token}\r\nContent-Length: 99999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.door.port), timeout=10) as open_:
        open_.sendall(head.encode())
        assert open_.recv(200).startswith(b"HTTP/1.1 413")
    assert served.lines() == []


@pytest.mark.parametrize(
    "path",
    [
        *("/static/../sitting.py", "/static/%2e%2e/sitting.py", "/static/..%2fsitting.py"),
        *("/static/page.py", "/answers.jsonl", "/api/nothing", "/docs", "/redoc"),
    ],
)
def test_a_path_outside(ask, served, path):
    refused(ask("GET", path, headers=bearer(served)), 404, "not-found", served)


def test_headers_stand_on_every_reply(ask, served):
    for reply in (
        ask("GET", "/", headers=bearer(served)),
        ask("GET", "/static/review.js", headers=bearer(served)),
        ask("GET", "/"),
        ask("GET", "/nothing", headers=bearer(served)),
    ):
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cache-control"] == "no-store"


def test_the_page_names_nothing_from_elsewhere(ask, served):
    for path in ("/", "/static/review.js", "/static/review.css"):
        text = ask("GET", path, headers=bearer(served)).text
        assert "http://" not in text
        assert "https://" not in text
        assert "innerHTML" not in text


def test_hosts_that_a_door_knows():
    here = Door("t", "127.0.0.1", 80)
    assert here.knows_host("localhost:80")
    assert here.knows_host("[::1]:80")
    assert not here.knows_host("192.168.1.5:80")
    assert here.knows_host("localhost")  # 80 is the port of HTTP
    assert not here.knows_host("localhost:81")
    assert not Door("t", "127.0.0.1", 8000).knows_host("localhost")
    open_ = Door("t", "0.0.0.0", 80)
    assert open_.knows_host("192.168.1.5:80")
    assert open_.knows_host(f"{socket.gethostname()}:80")
    assert not open_.knows_host("evil.example:80")


def test_every_path_of_the_api_is_guarded(ask, served):
    paths = ask("GET", "/api/openapi.json", headers=bearer(served)).json()["paths"]
    assert len(paths) >= 12
    large = b'{"tab": "' + b"x" * 10_000_000 + b'"}'
    for path, methods in paths.items():
        for method in map(str.upper, methods):
            # A token that is right doesn't make up for the rest.
            for headers, refusal in (
                ({"origin": served.base}, (401, "no-token")),
                (bearer(served, origin="http://evil.example"), (403, "wrong-origin")),
                (bearer(served, host="evil.example"), (421, "wrong-host")),
            ):
                refused(ask(method, path, headers=headers), *refusal, served)
            if method == "POST":
                reply = ask(method, path, headers=bearer(served), json=None, content=large)
                refused(reply, 413, "too-large", served)


@pytest.mark.parametrize("row", [40, 2**31 - 1])
def test_a_row_that_is_not_there(ask, served, row):
    for path in ("answer", "batch", "reveal"):
        body = {**ANSWER, "row": row} if path == "answer" else {**ONE_ROW, "row": row}
        reply = ask(path=f"/api/{path}", headers=bearer(served), json=body)
        refused(reply, 404, "no-row", served)
    there = ask(headers=bearer(served), json={**ANSWER, "more": [row]})
    refused(there, 404, "no-row", served)


@pytest.mark.parametrize("row", [-1, 2**31, 2**70, 1.5, "0", True, None])
def test_what_is_no_row(ask, served, row):
    refused(ask(headers=bearer(served), json={**ANSWER, "row": row}), 422, "invalid", served)
    refused(ask(headers=bearer(served), json={**ANSWER, "more": [row]}), 422, "invalid", served)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
def test_another_method(ask, served, method):
    reply = ask(method, headers=bearer(served))
    refused(reply, 405, "invalid", served)
    assert reply.headers["allow"] == "POST"
