"""Models of several labels a text and of soft targets, over HTTP: answers, figures, feedback."""

from dataclasses import replace

import pytest
from fixtures.served import LABELS, Served, Words, WordSets, loaded, loaded_sets, loaded_soft

from labelmend.errors import ModelError
from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal
from labelmend.journal.read import reading
from labelmend.serve.parts.feedback import log_part


@pytest.fixture
def sets(tmp_path):
    """A server of such a model, with a log."""
    log = tmp_path / "log.sqlite"
    journal = Journal(log, LogRules(texts=True), task="several")
    main = loaded_sets(labels=("card", "money", "a\nb", "time"))
    with Served(main, add=lambda service: [log_part(service, journal)]) as served:
        yield served, journal, log
    journal.close()


def share(label, probability):
    return {"label": label, "probability": probability}


def test_all_labels_that_are_called_and_the_three_likeliest():
    with Served(loaded_sets()) as served:
        reply = served.ask({"texts": ["card money money", "nothing"]}).json()
    first, second = reply["predictions"]
    assert first["labels"] == [share("money", 0.95), share("card", 0.9)]
    assert first["top"] == [share("money", 0.95), share("card", 0.9), share("oos", 0.2)]
    # 0.95 * 0.9 * 0.8 * 0.8
    assert first["all_right"] == pytest.approx(0.5472)
    assert second["labels"] == []  # a text may have none
    assert second["top"] == [share(label, 0.2) for label in LABELS[:3]]
    assert second["all_right"] == pytest.approx(0.8**4)
    assert (reply["version"], reply["against"]) == ("3" * 16, None)


def test_values_by_target():
    with Served(loaded_soft()) as served:
        reply = served.ask({"text": "card money money", "near": True}).json()
        assert reply["predictions"] == [
            {"values": {"card": 0.25, "money": 0.5, "oos": 0.0, "time": 0.0}}
        ]
        with served.client() as client:
            told = client.get("/v1/models").json()
            assert client.post("/v1/feedback", json={}).status_code == 404
            figures = client.get("/metrics").text
    assert (told["models"][0]["task"], told["models"][0]["labels"]) == ("soft", list(LABELS))
    assert told["takes_feedback"] is False
    assert 'labelmend_texts_total{role="main"} 1.0' in figures
    assert "labelmend_labels_total{" not in figures


def test_each_label_is_counted():
    with Served(loaded_sets()) as served, served.client() as client:
        served.ask({"texts": ["card money", "money", "nothing"]})
        figures = client.get("/metrics").text
        assert client.get("/v1/models").json()["models"][0]["task"] == "several"
    for said in (
        'labelmend_texts_total{role="main"} 3.0',
        'labelmend_labels_total{label="card",role="main"} 1.0',
        'labelmend_labels_total{label="money",role="main"} 2.0',
        'labelmend_oos_texts_total{role="main"} 0.0',
        # 1 - 0.9 * 0.9 * 0.64, 1 - 0.9 * 0.512 and 1 - 0.4096
        'labelmend_doubt_bucket{le="0.5",role="main"} 1.0',
        'labelmend_doubt_bucket{le="0.6",role="main"} 3.0',
    ):
        assert said in figures


def test_two_models_answer_side_by_side():
    other = loaded_sets(WordSets(space="other"), "5" * 16, labels=("a", "b", "c", "d"))
    with Served(loaded_sets(), other) as served:
        reply = served.ask({"text": "money", "compare": True}).json()
    assert reply["predictions"][0]["labels"] == [share("money", 0.9)]
    assert reply["against"]["predictions"][0]["labels"] == [share("b", 0.9)]


@pytest.mark.parametrize("pair", [(loaded, loaded_sets), (loaded_sets, loaded_soft)])
def test_models_of_two_tasks_are_not_served_together(pair):
    one, other = pair
    with pytest.raises(ModelError, match=r"^model: is a model of .*; give one of the same task$"):
        Served(one(), other())
    with Served(one()) as served, pytest.raises(ModelError):
        served.service.check(other(Words()))


@pytest.mark.parametrize(
    ("model", "name", "fields"),
    [
        (loaded, "AnswerBody", {"label", "probability", "is_oos", "top", "near"}),
        (loaded_sets, "SetAnswerBody", {"labels", "top", "all_right"}),
        (loaded_soft, "SoftAnswerBody", {"values"}),
    ],
)
def test_the_document_says_what_answers_look_like(model, name, fields):
    with Served(model()) as served, served.client() as client:
        schema = client.get("/openapi.json").json()
        said = client.post("/v1/predict", json={"text": "card"}).json()
    reply = schema["paths"]["/v1/predict"]["post"]["responses"]["200"]
    assert reply["content"]["application/json"]["schema"]["$ref"].endswith(f"/{name}")
    (example,) = schema["components"]["schemas"][name]["examples"]
    assert set(example) <= set(said)
    assert set(example["predictions"][0]) == set(said["predictions"][0]) == fields


def test_feedback_is_a_set_of_labels(sets):
    served, journal, log = sets
    ids = [served.ask({"text": text}).json()["request_id"] for text in ("card money", "time", "x")]
    words = [
        {"request_id": ids[0], "labels": ["time", "a\nb", "time"]},
        {"request_id": ids[1], "verdict": "right"},
        {"request_id": ids[2], "labels": []},
    ]
    with served.client() as client:
        for word in words:
            assert client.post("/v1/feedback", json=word).json() == {"status": "kept"}
        figures = client.get("/metrics").text
    assert 'labelmend_feedback_total{verdict="labels"} 2.0' in figures
    journal.flush()
    with reading(log) as reader:
        assert reader.is_of_sets
        kept = {one.id: one for one in reader.requests()}
        assert reader.labels().labels == ("a\nb", "card", "money", "time")
    (guess,) = kept[ids[0]].guesses
    assert (guess.label, guess.is_oos) == ('["card", "money"]', False)
    assert guess.probability == pytest.approx(0.9 * 0.9 * 0.8 * 0.8)
    assert guess.top == (("card", 0.9), ("money", 0.9), ("a\nb", 0.2))
    said = [kept[one].words[0].label for one in ids]
    assert said == ['["a\\nb", "time"]', '["time"]', "[]"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"labels": ["card", "mony"]}, 422, "there is no label 'mony' (did you mean 'money'?)"),
        ({"labels": ["card"], "verdict": "wrong"}, 422, "see /openapi.json"),
        ({}, 422, "see /openapi.json"),
        ({"label": "card"}, 422, "see /openapi.json"),
        ({"labels": [""]}, 422, "see /openapi.json"),
        ({"labels": "card"}, 422, "see /openapi.json"),
    ],
)
def test_feedback_that_is_refused(sets, body, status, said):
    served, journal, log = sets
    name = served.ask({"text": "card"}).json()["request_id"]
    with served.client() as client:
        reply = client.post("/v1/feedback", json={"request_id": name, **body})
    assert reply.status_code == status
    assert said in reply.json()["message"]
    journal.flush()
    with reading(log) as reader:
        assert [one.words for one in reader.requests()] == [()]


def test_one_label_is_asked_for_as_ever(tmp_path):
    journal = Journal(tmp_path / "log.sqlite")
    with (
        Served(loaded(), add=lambda service: [log_part(service, journal)]) as served,
        served.client() as client,
    ):
        name = served.ask({"text": "card"}).json()["request_id"]
        reply = client.post("/v1/feedback", json={"request_id": name, "labels": ["card"]})
        assert reply.status_code == 422
        reply = client.post("/v1/feedback", json={"request_id": name, "label": "money"})
        assert reply.json() == {"status": "kept"}
    journal.close()


def test_a_text_that_can_not_be_computed_takes_no_other_down():
    engine = WordSets()
    with Served(loaded_sets(engine)) as served:
        assert served.ask({"text": engine.poison}).status_code == 500
        assert served.ask({"text": "card"}).json()["predictions"][0]["labels"]


def test_a_newer_model_takes_its_place():
    with Served(loaded_sets()) as served:
        served.service.replace("main", replace(loaded_sets(), version="6" * 16))
        assert served.ask({"text": "card"}).json()["version"] == "6" * 16
