"""Real models of several labels a text and of soft targets, served: what is said is `predict`'s."""

import asyncio
import threading
import time

import httpx
import numpy as np
import pytest

from labelmend.bot.rules import TOKEN, BotRules
from labelmend.classify.any_model import load_any
from labelmend.classify.folder import locate_encoders
from labelmend.errors import ConfigError, InputError, ModelError
from labelmend.journal.entries import LogRules
from labelmend.journal.log import Journal, LogRequest
from labelmend.journal.read import reading
from labelmend.protocols import NoProgress
from labelmend.retrieval.space import open_space
from labelmend.serve.place import Place
from labelmend.serve.service import Limits
from labelmend.workflows.bot import BotRequest, open_bot
from labelmend.workflows.serve import Models, ServeRequest, load, open_server, open_service

TEXTS = ["my card and my money", "what time is it", "nothing that is known", "card " * 100]
NOBODY = np.empty(0, dtype=np.int64)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))


def placed(folder):
    model = load_any(folder)
    space = open_space(model.encoders, locate_encoders(model, folder), model.means)
    return model, space.queries(TEXTS)


@pytest.mark.parametrize("is_plain", [False, True])
def test_several_labels_both_ways(word_sets, is_plain):
    folder = word_sets / "model"
    loaded = load(folder, Models(folder, is_plain=is_plain), NoProgress())
    assert (loaded.engine.name, loaded.notes) == ("plain" if is_plain else "onnx", ())
    said, scored = loaded.predictions(loaded.engine.embed(TEXTS), NOBODY)
    model, vectors = placed(folder)
    ours = model.classifier.predict(vectors)
    np.testing.assert_allclose(scored.probabilities, ours.probabilities, rtol=0, atol=1e-5)
    assert np.array_equal(scored.called, ours.called)
    labels = model.classifier.labels
    for one, called, order in zip(said, ours.called, ours.order(), strict=True):
        assert [share.label for share in one.labels] == [labels[k] for k in order if called[k]]
        assert [share.label for share in one.top] == [labels[k] for k in order[:3]]
    assert 0 < ours.called.sum() < ours.called.size
    assert {"card", "money"} <= {share.label for share in said[0].labels}


@pytest.mark.parametrize("is_plain", [False, True])
def test_soft_targets_both_ways(word_soft, is_plain):
    folder = word_soft / "model"
    loaded = load(folder, Models(folder, is_plain=is_plain), NoProgress())
    assert (loaded.engine.name, loaded.labels) == (
        "plain" if is_plain else "onnx",
        ("card", "money"),
    )
    said, _ = loaded.predictions(loaded.engine.embed(TEXTS), NOBODY)
    model, vectors = placed(folder)
    values = [list(one.values.values()) for one in said]
    np.testing.assert_allclose(values, model.scorer.predict([vectors]), rtol=0, atol=1e-5)
    assert list(said[0].values) == ["card", "money"]


def test_two_models_of_one_task_share_their_encoder(word_sets):
    models = Models(word_sets / "model", word_sets / "other")
    service = open_service(models, Limits(), NoProgress())
    try:
        one, two = service.models.values()
        assert one.engine.space == two.engine.space
        assert (one.kind, two.kind) == ("logreg", "linear-svm")

        async def ask():
            return await service.answer(["card and money"], compare=True)

        answered = asyncio.run(ask())
        for said in (answered.main, answered.against):
            assert {share.label for share in said.predictions[0].labels} == {"card", "money"}
    finally:
        service.close()


def served(model, against=None, **more):
    request = ServeRequest(Models(model, against), Place(port=0), Limits(), **more)
    return open_server(request, NoProgress(), lambda *_: None)


def test_what_is_refused_before_any_work(word_models, word_sets, word_soft, tmp_path):
    sets, soft, single = word_sets / "model", word_soft / "model", word_models / "model"
    log = LogRequest(tmp_path / "log.sqlite")
    for kind, asked, said in (
        (
            ModelError,
            lambda: served(word_soft / "pairs"),
            "reads two texts as a pair, and who asks",
        ),
        (
            ModelError,
            lambda: served(sets, soft),
            "soft targets, which serve beside model can't use",
        ),
        (ModelError, lambda: served(single, sets), "give one of one label a text"),
        (ConfigError, lambda: served(soft, log=log), "--log: keeps labels and what people say"),
        (
            ConfigError,
            lambda: served(sets, log=log, reference=word_sets / "table.csv"),
            "--reference: drift is looked for behind models of one label a text alone",
        ),
    ):
        with pytest.raises(kind) as caught:
            asked()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_of_one_task(word_models, word_sets, tmp_path):
    log = LogRequest(tmp_path / "log.sqlite")
    running = served(word_sets / "model", log=log)
    running.close()
    with pytest.raises(InputError) as caught:
        served(word_models / "model", log=log)
    assert str(caught.value) == (
        f"{log.path}: is a log of models of several labels a text, not of models of one label a "
        "text; name another file with --log"
    )
    other = LogRequest(tmp_path / "other.sqlite")
    Journal(other.path).close()
    with pytest.raises(InputError, match="is a log of models of one label a text, not of"):
        served(word_sets / "model", log=other)


def test_from_the_models_folder_to_the_log_by_http(word_sets, tmp_path):
    log = tmp_path / "log.sqlite"
    running = served(word_sets / "model", log=LogRequest(log, LogRules(texts=True)))
    thread = threading.Thread(target=running.serve)
    thread.start()
    while not running.server.uvicorn.started:
        time.sleep(0.005)
    base = running.server.listener.door.address
    with httpx.Client(base_url=base, trust_env=False) as client:
        reply = client.post("/v1/predict", json={"text": "card and money"}).json()
        said = {share["label"] for share in reply["predictions"][0]["labels"]}
        word = {"request_id": reply["request_id"], "labels": ["time"]}
        assert client.post("/v1/feedback", json=word).json() == {"status": "kept"}
        told = client.get("/v1/models").json()
        # Drift is looked for behind models of one label a text alone.
        assert client.get("/v1/drift").status_code == 404
        schema = client.get("/openapi.json").json()["components"]["schemas"]
    running.server.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert said == {"card", "money"}
    assert "SetFeedback" in schema
    assert (told["takes_feedback"], told["watches_drift"]) == (True, False)
    with reading(log) as reader:
        (one,) = reader.requests()
        assert reader.labels().labels == ("card", "money", "time")
    assert (one.text, one.guesses[0].label) == ("card and money", '["card", "money"]')
    assert [word.label for word in one.words] == ['["time"]']


@pytest.mark.parametrize("task", ["sets", "soft"])
def test_a_bot_refuses_them(word_sets, word_soft, word_models, task):
    folder = {"sets": word_sets, "soft": word_soft}[task] / "model"
    environment = {TOKEN: "123456:" + "a" * 35}
    for models in (Models(folder), Models(word_models / "model", folder)):
        with pytest.raises(
            ModelError, match=r"which labelmend bot can't use; give one of one label"
        ):
            open_bot(
                BotRequest(models, BotRules()),
                *(NoProgress(), lambda *_: None, lambda *_: None, environment),
            )
