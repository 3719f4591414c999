"""The log of a server, over real HTTP."""

import threading

import pytest
from fixtures.logged import all_bytes
from fixtures.served import TOKEN, Served, loaded, token_file

from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal
from labelmend.journal.read import reading
from labelmend.serve.parts.feedback import log_part

RULES = LogRules(texts=True, feedback_an_hour=5)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.sqlite"


@pytest.fixture
def serve(log):
    """Start a server that keeps a log."""
    servers = []

    def start(rules=RULES, **more):
        journal = Journal(log, rules)
        server = Served(add=lambda service: [log_part(service, journal)], **more)
        servers.append((server.__enter__(), journal))
        return server, journal

    yield start
    for server, journal in servers:
        server.__exit__()
        journal.close()


def held(log):
    with reading(log) as reader:
        return {one.id: one for one in reader.requests()}


def say(server, request, **said):
    headers = said.pop("headers", {})
    with server.client() as client:
        body = {"request_id": request, **said}
        return client.post("/v1/feedback", json=body, headers=headers)


def test_requests_are_recorded_with_both_answers(serve, log):
    other = loaded(version="2" * 16, labels=("m", "n", "oos", "t"))
    server, journal = serve(against=other)
    asked = {"texts": ["my card", "no time"], "compare": True}
    request = server.ask(asked).json()["request_id"]
    alone = server.ask({"text": "cheese"}).json()["request_id"]
    journal.flush()
    found = held(log)
    assert list(found) == [request, f"{request}.1", alone]
    assert [one.text for one in found.values()] == ["my card", "no time", "cheese"]
    main, against = found[f"{request}.1"].guesses
    assert (main.model, main.label, main.is_oos) == ("1" * 16, "time", False)
    assert (against.model, against.label) == ("2" * 16, "t")
    assert main.top[0] == ("time", main.probability)
    assert len(main.top) == 3
    assert [one.label for one in found[alone].guesses] == ["oos"]
    assert {one.source for one in found.values()} == {"http"}
    assert {one.sender for one in found.values()} == {journal.sender_hash("address 127.0.0.1")}
    with reading(log) as reader:
        assert reader.labels().labels == ("card", "m", "money", "n", "oos", "t", "time")
        assert reader.labels().oos == "oos"


def test_feedback_is_kept(serve, log):
    server, journal = serve()
    request = server.ask({"texts": ["my card", "no time"]}).json()["request_id"]
    reply = say(server, request, verdict="right")
    assert (reply.status_code, reply.json()) == (200, {"status": "kept"})
    assert say(server, request, index=1, label="money").status_code == 200
    journal.flush()
    found = held(log)
    assert [word.label for word in found[request].words] == ["card"]
    assert [word.label for word in found[f"{request}.1"].words] == ["money"]
    with server.client() as client:
        page = client.get("/metrics").text
    assert 'labelmend_feedback_total{verdict="right"} 1.0' in page
    assert 'labelmend_feedback_total{verdict="label"} 1.0' in page
    assert "labelmend_log_lost_texts 0.0" in page


def test_what_is_refused(serve, log):
    server, journal = serve()
    request = server.ask({"text": "my card"}).json()["request_id"]
    with server.client() as client:
        for said, status, word in REFUSED:
            reply = client.post("/v1/feedback", json={"request_id": request} | said)
            assert (reply.status_code, reply.json()["error"]) == (status, word), said
    journal.flush()
    assert held(log)[request].words == ()


REFUSED = [
    ({"request_id": "0" * 32, "verdict": "wrong"}, 404, "no-such-request"),
    ({"index": 1, "verdict": "wrong"}, 404, "no-such-request"),
    ({"label": "mony"}, 422, "no-such-label"),
    ({"label": ""}, 422, "invalid"),
    ({}, 422, "invalid"),
    ({"label": "card", "verdict": "right"}, 422, "invalid"),
    ({"verdict": "maybe"}, 422, "invalid"),
    ({"verdict": "right", "index": -1}, 422, "invalid"),
    ({"verdict": "right", "index": True}, 422, "invalid"),
    ({"verdict": "right", "more": 1}, 422, "invalid"),
    ({"verdict": "right", "request_id": "a/b"}, 422, "invalid"),
    ({"verdict": "right", "request_id": "a" * 65}, 422, "invalid"),
]


def test_a_sender_who_says_too_much_is_told_when_to_come_back(serve):
    server, _ = serve()
    requests = [server.ask({"text": "my card"}).json()["request_id"] for _ in range(7)]
    statuses = [say(server, one, verdict="wrong").status_code for one in requests[:6]]
    assert statuses == [200] * 5 + [429]
    late = say(server, requests[5], verdict="wrong")
    assert late.json()["error"] == "too-much"
    assert 3500 < int(late.headers["retry-after"]) <= 3600
    # A client that asks for many people says for whom.
    for_whom = {"x-labelmend-user": "bert"}
    assert say(server, requests[5], verdict="wrong", headers=for_whom).status_code == 200


def test_a_token_is_a_sender_and_never_in_the_log(serve, log, tmp_path):
    server, journal = serve(token_files=(token_file(tmp_path),))
    headers = {"authorization": f"Bearer {TOKEN}", "x-labelmend-user": "customer 4711"}
    with server.client(headers=headers) as client:
        request = client.post("/v1/predict", json={"text": "my card"}).json()["request_id"]
        assert (
            client.post(
                "/v1/feedback", json={"request_id": request, "verdict": "right"}
            ).status_code
            == 200
        )
    assert say(server, request, verdict="wrong").status_code == 401
    journal.flush()
    (one,) = held(log).values()
    assert one.sender == one.words[0].sender
    raw = all_bytes(log)
    assert TOKEN.encode() not in raw
    assert b"4711" not in raw


def test_a_swapped_model_brings_its_labels(serve, log):
    server, journal = serve()
    server.service.replace("main", loaded(version="3" * 16, labels=("a", "b", "oos", "c")))
    request = server.ask({"text": "my card"}).json()["request_id"]
    assert say(server, request, label="card").status_code == 422
    assert say(server, request, label="c").status_code == 200
    journal.flush()
    with reading(log) as reader:
        assert {"a", "b", "c", "card"} <= set(reader.labels().labels)


def test_a_log_that_can_not_be_written_is_a_503_and_predictions_go_on(serve):
    server, journal = serve()
    request = server.ask({"text": "my card"}).json()["request_id"]
    journal.close()
    reply = say(server, request, verdict="right")
    assert (reply.status_code, reply.json()["error"]) == (503, "no-log")
    assert server.ask({"text": "my card"}).status_code == 200
    with server.client() as client:
        assert "labelmend_log_lost_texts 1.0" in client.get("/metrics").text


def test_many_speak_at_once(serve, log):
    server, journal = serve(LogRules(feedback_an_hour=1000))
    requests = [server.ask({"text": "my card"}).json()["request_id"] for _ in range(4)]
    statuses = []

    def speak(name):
        for one in requests:
            user = {"x-labelmend-user": name}
            statuses.append(say(server, one, verdict="wrong", headers=user).status_code)

    threads = [threading.Thread(target=speak, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 16
    journal.flush()
    assert {len(one.words) for one in held(log).values()} == {4}


def test_without_a_log_there_is_no_feedback():
    with Served() as server:
        assert say(server, "0" * 32, verdict="right").status_code == 404


def test_the_document_has_the_route(serve):
    server, _ = serve()
    with server.client() as client:
        route = client.get("/openapi.json").json()["paths"]["/v1/feedback"]["post"]
    assert {"200", "401", "404", "409", "422", "429"} <= set(route["responses"])
