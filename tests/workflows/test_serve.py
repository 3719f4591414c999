"""Real models served: the export is made once, and what is said is what `predict` says."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import httpx
import numpy as np
import pytest
from fixtures.word_model import TOPICS

from labelmend.classify.folder import locate_encoders
from labelmend.classify.model_folder import load_model
from labelmend.errors import ConfigError, InputError, ModelError, ModelMissingError
from labelmend.journal.entries import Entry, Guess, LogRules
from labelmend.journal.log import Journal, LogRequest
from labelmend.protocols import NoProgress
from labelmend.retrieval.space import open_space
from labelmend.serve.models.watch import model_folder
from labelmend.serve.place import Place
from labelmend.serve.service import Limits
from labelmend.voice.speak import speaking
from labelmend.weights.home import cache_home
from labelmend.workflows import serve
from labelmend.workflows.serve import Models, ServeRequest, load, open_server

TEXTS = [text for texts in TOPICS.values() for text in texts.split("|")]
TEXTS += ["the card and the time", "nothing that is known", "card " * 200]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "cache" / "serve"


def said(loaded, texts):
    vectors = loaded.engine.embed(texts)
    predictions, scored = loaded.predictions(vectors, np.empty(0, dtype=np.int64))
    return predictions, scored


@pytest.mark.parametrize("is_plain", [False, True])
def test_both_ways_say_what_predict_says(word_models, own_cache, is_plain):
    folder = word_models / "model"
    loaded = load(folder, Models(folder, is_plain=is_plain), NoProgress())
    assert loaded.engine.name == ("plain" if is_plain else "onnx")
    assert loaded.notes == ()
    model = load_model(folder)
    space = open_space(model.encoders, locate_encoders(model, folder), model.means)
    theirs = model.classifier.predict(space.queries(TEXTS))
    ours, scored = said(loaded, TEXTS)
    assert abs(scored.probabilities - theirs.probabilities).max() < 1e-4
    assert [one.label for one in ours] == [model.classifier.labels[k] for k in theirs.labels]
    assert [one.is_oos for one in ours] == theirs.is_oos.tolist()
    top = theirs.top(3)[0]
    assert [share.label for share in ours[0].top] == [model.classifier.labels[k] for k in top]
    # Nothing of theirs is left in a cache.
    assert not (cache_home() / "embeddings").exists()


def test_the_export_is_made_once_and_made_anew_where_it_was_changed(word_models, own_cache):
    folder = word_models / "model"
    before = sorted(path.name for path in folder.iterdir())
    load(folder, Models(folder), NoProgress())
    (export,) = own_cache.iterdir()
    made = (export / "export.json").stat().st_mtime_ns
    load(folder, Models(folder), NoProgress())
    assert (export / "export.json").stat().st_mtime_ns == made
    with (export / "classifier.onnx").open("ab") as file:
        file.write(b"x")
    load(folder, Models(folder), NoProgress())
    assert (export / "export.json").stat().st_mtime_ns > made
    assert sorted(path.name for path in folder.iterdir()) == before


def test_old_exports_are_removed(word_models, own_cache):
    folder = word_models / "model"
    for n in range(6):
        old = own_cache / f"{n:032}-onnx"
        old.mkdir(parents=True)
        os.utime(old, (n + 1, n + 1))
    load(folder, Models(folder), NoProgress())
    names = sorted(path.name[:32] for path in own_cache.iterdir())
    assert len(names) == 4
    assert names[:3] == [f"{n:032}" for n in (3, 4, 5)]


def test_models_on_one_encoder_share_it(word_models, own_cache):
    one, two = (
        load(word_models / name, Models(word_models / name), NoProgress())
        for name in ("model", "other")
    )
    assert one.engine.space == two.engine.space
    assert one.engine._encoders is two.engine._encoders
    assert one.version != two.version


def test_a_model_without_an_export_is_run_as_predict_runs_it(word_models, own_cache, monkeypatch):
    def fails(*_, **__):
        raise ModelError("can't be exported")

    monkeypatch.setattr(serve, "export_file", fails)
    loaded = load(word_models / "model", Models(word_models / "model"), NoProgress())
    assert loaded.engine.name == "plain"
    assert "can't be exported" in loaded.notes[0]


def test_the_nearest_texts_of_the_likeliest_labels(word_models, own_cache):
    loaded = load(word_models / "model", Models(word_models / "model"), NoProgress())
    vectors = loaded.engine.embed(["lost my card", "send money"])
    predictions, _ = loaded.predictions(vectors, np.array([0]))
    near = predictions[0].near
    assert (near[0].text, near[0].label) == ("lost my card", "card")
    assert near[0].similarity == pytest.approx(1, abs=1e-3)
    assert [one.label for one in near] == [
        share.label for share in predictions[0].top for _ in "ab"
    ]
    assert predictions[1].near == ()
    other = load(word_models / "other", Models(word_models / "other"), NoProgress())
    assert other.kept is None


@pytest.fixture
def watched(word_models, tmp_path, own_cache):
    """A server that is not reached, and what it finds of a log with so many requests of a label."""
    running = []

    def start(asked, texts=True, reference=None):
        log = tmp_path / "log.sqlite"
        with Journal(log, LogRules(texts=texts)) as journal:
            journal.record(
                [
                    Entry(f"{label}-{n}", f"{label} {n}", (Guess("m", label, 0.9, False, ()),))
                    for label, count in asked.items()
                    for n in range(count)
                ]
            )
        models = Models(word_models / "model")
        request = ServeRequest(
            *(models, Place(port=0), Limits()), log=LogRequest(log), reference=reference
        )
        found = open_server(request, NoProgress(), lambda *_: None)
        running.append(found)
        return request, found.server.service

    yield start
    for one in running:
        one.close()


def test_what_the_page_is_told_of_drift(watched, word_models, monkeypatch):
    monkeypatch.setattr("labelmend.workflows.monitor.MOST_SEEN", 40)
    request, service = watched({"card": 60, "money": 20})
    with speaking("ru"):
        seen = serve._seen(request, service)
    # Of the 80 the newest 40 are seen; of the training there are 15 texts, five a label.
    assert seen.facts["rows"]["log"] == 40
    assert seen.facts["labels"]["labels"][0]["before_of"] == 15
    assert seen.is_drift
    assert seen.headline.startswith("Сдвиг: ")
    assert any(line.startswith("Замечание: метки журнала дала модель") for line in seen.lines)
    assert not any("{" in line for line in (seen.headline, *seen.lines))
    # Another model lies there by now: its vectors are not those of the one that answers.
    other = replace(request, models=Models(word_models / "other"))
    with pytest.raises(ModelError, match="is another model than the one that answers"):
        serve._seen(other, service)


def test_a_log_is_held_against_a_table_that_is_named(watched, tmp_path):
    table = tmp_path / "before.csv"
    rows = "".join(f"card {n},card,0.9,False\n" for n in range(30))
    table.write_text(f"text,predicted_label,probability,is_oos\n{rows}")
    request, service = watched({"card": 30}, reference=table)
    seen = serve._seen(request, service)
    assert (seen.is_drift, seen.headline) == (False, "No drift is shown")
    assert seen.facts["rows"] == {"reference": 30, "log": 30}
    assert seen.facts["out_of_scope"]["before_of"] == 30
    # Both sides' labels are a model's.
    assert not any("Note" in line for line in seen.lines)


def test_a_log_without_texts_says_so(watched):
    request, service = watched({"card": 3}, texts=False)
    with pytest.raises(InputError, match="keeps no texts, so nothing can be compared"):
        serve._seen(request, service)


def test_a_reference_without_a_log_is_refused(word_models, own_cache, tmp_path):
    request = ServeRequest(
        Models(word_models / "model"), Place(port=0), Limits(), reference=tmp_path / "none.csv"
    )
    with pytest.raises(ConfigError, match="--reference: nothing is compared without --log"):
        open_server(request, NoProgress(), lambda *_: None)


def test_what_is_no_model(tmp_path, own_cache):
    with pytest.raises(ModelMissingError, match="no such folder"):
        load(tmp_path / "nowhere", Models(tmp_path), NoProgress())
    with pytest.raises(ModelMissingError, match="so it is no model"):
        load(tmp_path, Models(tmp_path), NoProgress())


@pytest.fixture
def started(word_models, tmp_path):
    """`labelmend serve` as a process of its own, and what it says."""
    children = []

    def start(*words, under=()):
        environment = {**os.environ, "LABELMEND_HOME": str(tmp_path / "home")}
        command = [*under, sys.executable, "-m", "labelmend", "serve", *map(str, words)]
        child = subprocess.Popen(
            [*command, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        children.append(child)
        for line in child.stdout:
            if line.startswith("serving at "):
                return child, line.split()[2].rstrip("/;")
        raise AssertionError(child.stderr.read())

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_the_command_swaps_a_champion_and_stops_clean(word_models, tmp_path, started):
    registry = tmp_path / "registry"
    for number, name in enumerate(("model", "other"), 1):
        shutil.copytree(word_models / name, registry / f"versions/v{number:05}/model")
    (registry / "champion").symlink_to("versions/v00001/model")
    assert model_folder(registry).parent.name == "v00001"
    child, base = started(registry, "--watch-s", "0.1")
    with httpx.Client(base_url=base, trust_env=False) as client:

        def label():
            body = client.post("/v1/predict", json={"text": "send money", "near": True}).json()
            return body["predictions"][0]["label"]

        assert label() == "money"
        (registry / "new").symlink_to("versions/v00002/model")
        (registry / "new").replace(registry / "champion")
        assert any("answers from now on" in line for line in child.stderr)
        assert label() == "time"
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (0, "")
    assert out.endswith("stopped; all requests that came were answered\n")


def test_nothing_opens_a_socket_that_was_not_asked_for(word_models, tmp_path, started):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    under = ("strace", "-D", "-f", "-qq", "-e", "trace=socket,connect,bind,sendto", "-o", trace)
    secret = "a secret card that nobody may read"
    child, base = started(word_models / "model", "--against", word_models / "other", under=under)
    with httpx.Client(base_url=base, trust_env=False) as client:
        asked = {"text": secret, "compare": True, "near": True}
        assert client.post("/v1/predict", json=asked).status_code == 200
        assert client.get("/metrics").status_code == 200
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert secret not in out + err
    calls = trace.read_text()
    sockets = [line for line in calls.splitlines() if "socket(AF_INET" in line]
    assert len(sockets) == 1, sockets
    bound = [line for line in calls.splitlines() if " bind(" in line and "AF_INET" in line]
    assert len(bound) == 1
    assert 'inet_addr("127.0.0.1")' in bound[0]
    assert not [line for line in calls.splitlines() if " connect(" in line and "AF_INET" in line]
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()
