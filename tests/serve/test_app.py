"""Predictions over real HTTP: what is answered, what is refused and how, and what is counted."""

import json
import logging
import threading
import time

import httpx
import pytest
from fastapi import APIRouter, Request
from fixtures.served import LABELS, TOKEN, Served, Words, loaded, token_file

from labelmend.serve.app import Part
from labelmend.serve.batcher import Bounds
from labelmend.serve.door import sender_of
from labelmend.serve.refusals import RefusedError
from labelmend.serve.service import Limits

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def served():
    with Served() as server:
        yield server


@pytest.fixture(scope="module")
def compared():
    other = loaded(Words(space="other"), "2" * 16, name="other", labels=("m", "n", "oos", "t"))
    with Served(against=other) as server:
        yield server


def test_one_text(served):
    reply = served.ask({"text": "time is money, and money is time, and time"})
    body = reply.json()
    assert reply.status_code == 200
    assert len(body["request_id"]) == 32
    assert (body["version"], body["against"]) == ("1" * 16, None)
    (said,) = body["predictions"]
    # 3.1, 2.1 and two times 0.1 of 5.4
    assert said == {
        "label": "time",
        "probability": 0.574074,
        "is_oos": False,
        "top": [
            {"label": "time", "probability": 0.574074},
            {"label": "money", "probability": 0.388889},
            {"label": "card", "probability": 0.018519},
        ],
        "near": [],
    }
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_many_texts_in_their_order_and_what_fits_no_label(served):
    body = served.ask({"texts": ["my card", "cheese", "no time"]}).json()
    said = [(one["label"], one["is_oos"]) for one in body["predictions"]]
    assert said == [("card", False), ("oos", True), ("time", False)]


def test_each_request_has_an_id_of_its_own(served):
    ids = {served.ask({"text": "card"}).json()["request_id"] for _ in range(3)}
    assert len(ids) == 3


def test_long_texts_are_cut_as_in_training():
    with Served(loaded(max_text_chars=10)) as served:
        said = served.ask({"text": "card money time time time"}).json()["predictions"][0]
        assert said["label"] == "card"


def test_the_other_model_answers_where_it_is_asked(served, compared):
    plain = compared.ask({"text": "card"}).json()
    assert plain["against"] is None
    both = compared.ask({"text": "card", "compare": True}).json()
    assert both["predictions"] == plain["predictions"]
    assert both["against"]["version"] == "2" * 16
    assert both["against"]["predictions"][0]["label"] == "m"
    refused = served.ask({"text": "card", "compare": True})
    assert (refused.status_code, refused.json()["error"]) == (422, "no-other-model")


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "no-json"),
        (b"{", 400, "no-json"),
        (b'{"text": "caf\xe9"}', 400, "no-json"),
        (b'{"text": "\\ud800"}', 400, "no-json"),
        (b"[" * 1900, 400, "no-json"),
        (b"null", 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"text": 1}', 422, "invalid"),
        (b'{"text": " \\u00a0\\n"}', 422, "invalid"),
        (b'{"text": "a", "texts": ["b"]}', 422, "invalid"),
        (b'{"texts": []}', 422, "invalid"),
        (b'{"texts": "abc"}', 422, "invalid"),
        (b'{"texts": ["a", null]}', 422, "invalid"),
        (b'{"text": "a", "more": 1}', 422, "invalid"),
        (b'{"text": "a", "compare": "yes"}', 422, "invalid"),
        (json.dumps({"texts": ["a"] * 11}).encode(), 413, "too-large"),
        (json.dumps({"text": "a" * 51}).encode(), 413, "too-large"),
        (json.dumps({"texts": ["a"] * 1000}).encode(), 413, "too-large"),
    ],
)
def test_bad_bodies(served, body, status, word):
    with served.client() as client:
        reply = client.post("/v1/predict", content=body, headers=JSON)
        assert (reply.status_code, reply.json()["error"]) == (status, word)
        # The connection is as good as before.
        assert client.post("/v1/predict", json={"text": "card"}).status_code == 200


def test_what_is_too_long_is_told():
    with Served() as served:
        said = served.ask({"texts": ["card", "a" * 51]}).json()["message"]
        assert said == "texts.1: has more than 50 characters"
        said = served.ask({"texts": ["a"] * 11}).json()["message"]
        assert said == "texts: more than 10 texts; send them in several requests"


def test_ten_megabytes_and_a_million_texts():
    limits = Limits(most_texts=1000)
    with Served(limits=limits) as served, served.client() as client:
        for body in (b"x" * 10_000_000, json.dumps({"texts": ["a"] * 1_000_000}).encode()):
            reply = client.post("/v1/predict", content=body, headers=JSON)
            assert (reply.status_code, reply.json()["error"]) == (413, "too-large")
        # Without a length, in pieces.
        pieces = (b"x" * 100_000 for _ in range(100))
        reply = client.post("/v1/predict", content=pieces, headers=JSON)
        assert reply.status_code == 413
        # As many as fit the bytes, all of them amiss.
        body = b'{"texts": [' + b",".join([b"1"] * 500_000) + b"]}"
        began = time.monotonic()
        assert client.post("/v1/predict", content=body, headers=JSON).status_code in (413, 422)
        assert time.monotonic() - began < 2
        assert client.post("/v1/predict", json={"text": "card"}).status_code == 200


def test_other_kinds_methods_and_paths(served):
    with served.client() as client:
        reply = client.post("/v1/predict", content=b'{"text": "card"}')
        assert (reply.status_code, reply.json()["error"]) == (415, "no-json")
        right = {"content-type": "Application/JSON; charset=utf-8"}
        assert client.post("/v1/predict", content=b'{"text": "card"}', headers=right).is_success
        assert client.get("/v1/predict").status_code == 405
        assert client.delete("/v1/models").headers["allow"] == "GET"
        for path in ("/v1", "/v1/predict/", "/docs", "/%2e%2e/etc/passwd", "/static/x"):
            reply = client.get(path)
            assert (reply.status_code, reply.json()["error"]) == (404, "not-found")


def test_a_full_queue_is_429_and_says_when_to_come_again():
    engine = Words()
    limits = Limits(bounds=Bounds(most_waiting=3, wait=0, most_batch=1))
    with Served(loaded(engine), limits=limits) as served:
        engine.gate.clear()
        replies = []

        def ask():
            replies.append(served.ask({"text": "card"}))

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        while len(replies) < 6:
            time.sleep(0.005)
        engine.gate.set()
        for thread in threads:
            thread.join()
        refused = [reply for reply in replies if reply.status_code == 429]
        # One is computed and three wait.
        assert len(refused) == 6
        assert {reply.json()["error"] for reply in refused} == {"full"}
        assert {reply.headers["retry-after"] for reply in refused} == {"1"}
        assert sum(reply.status_code == 200 for reply in replies) == 4


def test_what_fails_is_500_and_neither_text_nor_token_is_in_a_log(tmp_path, caplog, capfd):
    engine = Words()
    caplog.set_level(logging.DEBUG)
    secret = "a secret that nobody may read"
    router = APIRouter()

    @router.post("/v1/fails")
    async def fails(request: Request):
        raise ValueError((await request.body()).decode())

    with Served(
        loaded(engine), token_files=(token_file(tmp_path),), parts=[Part(router)]
    ) as served:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        with served.client(headers=bearer) as client:
            for path, body in (
                ("/v1/predict", {"text": f"{secret} {engine.poison}"}),
                ("/v1/fails", {"text": secret}),
            ):
                reply = client.post(path, json=body)
                assert (reply.status_code, reply.json()["error"]) == (500, "failed")
            client.post("/v1/predict", json={"text": secret})
            client.post("/v1/predict", json={"texts": [secret, 1]})
            client.get(f"/?token={TOKEN}")
            client.get("/v1/models", headers={"authorization": "Bearer wrong-token-but-long"})
    said = capfd.readouterr()
    logged = "\n".join([*(record.getMessage() for record in caplog.records), said.out, said.err])
    logged += "\n".join(str(record.exc_info) for record in caplog.records if record.exc_info)
    assert "ValueError in fails" in logged
    mine = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    assert mine
    for word in (secret, TOKEN, "wrong-token"):
        assert all(word not in r.getMessage() for r in mine)
        assert word not in said.out + said.err


def test_the_models_and_the_bounds(compared):
    with compared.client() as client:
        body = client.get("/v1/models").json()
    assert [(one["role"], one["name"]) for one in body["models"]] == [
        ("main", "model"),
        ("against", "other"),
    ]
    assert body["models"][0]["labels"] == list(LABELS)
    assert body["models"][0]["engine"] == "onnx"
    assert body["limits"]["most_texts"] == 10


def test_health(served):
    with served.client() as client:
        assert client.get("/health/live").json() == {"status": "live"}
        assert client.get("/health/ready").json() == {"status": "ready"}
        served.service.is_closing = True
        ready = client.get("/health/ready")
        served.service.is_closing = False
        assert (ready.status_code, ready.json()) == (503, {"status": "closing"})
        assert client.get("/health/live").status_code == 200


def test_figures():
    with Served() as served, served.client() as client:
        served.ask({"texts": ["card", "cheese", "card card"]})
        served.ask({"text": ""})
        for path in ("/nowhere/1", "/nowhere/2"):
            client.get(path)
        page = client.get("/metrics")
        figures = dict(
            line.rsplit(" ", 1) for line in page.text.splitlines() if not line.startswith("#")
        )
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert figures['labelmend_requests_total{path="/v1/predict",status="200"}'] == "1.0"
    assert figures['labelmend_requests_total{path="/v1/predict",status="422"}'] == "1.0"
    # Whatever is asked, there is one line for it.
    assert figures['labelmend_requests_total{path="other",status="404"}'] == "2.0"
    assert figures['labelmend_texts_total{role="main"}'] == "3.0"
    assert figures['labelmend_oos_texts_total{role="main"}'] == "1.0"
    assert figures['labelmend_labels_total{label="card",role="main"}'] == "2.0"
    assert figures['labelmend_doubt_count{role="main"}'] == "3.0"
    assert figures["labelmend_predict_seconds_count"] == "1.0"
    assert figures[f'labelmend_model{{name="model",role="main",version="{"1" * 16}"}}'] == "1.0"


def test_a_part_hears_what_is_answered_and_has_routes():
    heard = []
    router = APIRouter()

    @router.get("/v1/who")
    async def who(request: Request):
        return {"sender": sender_of(request.scope)}

    @router.get("/v1/no")
    async def no():
        raise RefusedError(409, "no", "not now", retry_after=7)

    def deaf(answered):
        raise RuntimeError(answered.texts)

    parts = [Part(router), Part(ear=deaf), Part(ear=heard.append)]
    with Served(parts=parts) as served, served.client() as client:
        reply = served.ask({"texts": ["card", "time"]}).json()
        assert client.get("/v1/who").json() == {"sender": "address 127.0.0.1"}
        refused = client.get("/v1/no")
        assert (refused.status_code, refused.headers["retry-after"]) == (409, "7")
        assert refused.json() == {"error": "no", "message": "not now"}
        assert "/v1/who" in client.get("/openapi.json").json()["paths"]
    (one,) = heard
    assert one.request_id == reply["request_id"]
    assert (one.texts, one.sender, one.against) == (("card", "time"), "address 127.0.0.1", None)
    assert [said.label for said in one.main.predictions] == ["card", "time"]
    assert one.seconds > 0
    assert abs(one.at - time.time()) < 60


def test_a_client_that_leaves_is_forgotten():
    engine = Words()
    with Served(loaded(engine)) as served:
        engine.gate.clear()
        first = threading.Thread(target=served.ask, args=({"text": "first"},))
        first.start()
        assert engine.entered.wait(10)
        with pytest.raises(httpx.ReadTimeout):
            served.ask({"text": "left"}, timeout=0.1)
        time.sleep(0.1)
        engine.gate.set()
        first.join()
        assert served.ask({"text": "card"}).status_code == 200
    assert ["left"] not in engine.batches
