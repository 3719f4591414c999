"""Who is let in, over real HTTP: tokens, hosts, origins, cookies."""

import pytest
from fixtures.served import TOKEN, Served, token_file

from labelmend.serve.app import Part

OTHER = "another-token-of-thirty-chars-34"


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A server that wants one of two tokens."""
    path = token_file(tmp_path_factory.mktemp("tokens"), TOKEN, OTHER)
    with Served(token_files=(path,)) as served:
        yield served


@pytest.fixture(scope="module")
def open_here():
    with Served() as served:
        yield served


def bearer(token):
    return {"authorization": f"Bearer {token}"}


PATHS = ("/", "/v1/models", "/metrics", "/openapi.json", "/static/serve.js", "/nowhere")


def test_each_token_is_let_in_and_no_other(closed):
    for token in (TOKEN, OTHER):
        assert closed.ask({"text": "card"}, headers=bearer(token)).status_code == 200
    for said in (
        "Bearer",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        "Bearer é",
        f"Basic {TOKEN}",
    ):
        headers = {"authorization": said.encode("latin-1")}
        reply = closed.ask({"text": "card"}, headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (401, "no-token")
    with closed.client() as client:
        assert client.post("/v1/predict", json={"text": "card"}).status_code == 401
        for path in PATHS:
            assert client.get(path).status_code == 401
        for path in ("/health/live", "/health/ready"):
            assert client.get(path).status_code == 200
        assert client.get("/", params={"token": "x"}).status_code == 401
        assert client.get("/v1/models", params={"token": TOKEN}).status_code == 401


def test_the_address_gives_a_cookie_and_loses_its_token(closed):
    with closed.client() as client:
        first = client.get("/", params={"token": TOKEN})
        assert (first.status_code, first.headers["location"]) == (303, "/")
        cookie = first.headers["set-cookie"]
        assert cookie.endswith("HttpOnly; Path=/; SameSite=strict")
        assert client.get("/v1/models").status_code == 200
        # With a cookie alone, what is no mere reading has to say where it comes from.
        asked = {"text": "card"}
        assert client.post("/v1/predict", json=asked).status_code == 403
        ours = {"origin": closed.base}
        assert client.post("/v1/predict", json=asked, headers=ours).status_code == 200
        theirs = {"origin": "http://evil.example"}
        assert client.post("/v1/predict", json=asked, headers=theirs).status_code == 403


def test_another_site_in_the_same_browser_is_kept_out(open_here):
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://[", ""):
        reply = open_here.ask({"text": "card"}, headers={"origin": origin})
        assert (reply.status_code, reply.json()["error"]) == (403, "wrong-origin"), origin
    assert open_here.ask({"text": "card"}, headers={"origin": open_here.base}).is_success


def test_a_name_that_leads_here_is_no_name_of_ours(open_here):
    port = open_here.door.port
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "10.0.0.1"):
        reply = open_here.ask({"text": "card"}, headers={"host": host})
        assert (reply.status_code, reply.json()["error"]) == (421, "wrong-host"), host
    for host in ("localhost", f"LOCALHOST:{port}", "127.0.0.1:1", "[::1]", f"[::1]:{port}", "::1"):
        assert open_here.ask({"text": "card"}, headers={"host": host}).is_success, host


def test_with_a_token_any_name_may_lead_here(closed):
    headers = bearer(TOKEN) | {"host": "labels.example"}
    assert closed.ask({"text": "card"}, headers=headers).is_success


def test_who_asks_is_told_by_a_digest_of_the_token_or_what_the_proxy_says(tmp_path):
    heard = []
    path = token_file(tmp_path)
    with Served(
        token_files=(path,), is_behind_proxy=True, parts=[Part(ear=heard.append)]
    ) as served:
        served.ask({"text": "card"}, headers=bearer(TOKEN))
        assert served.door.is_secure
    (one,) = heard
    assert one.sender.startswith("token ")
    assert TOKEN not in one.sender
    assert len(one.sender) == len("token ") + 12
