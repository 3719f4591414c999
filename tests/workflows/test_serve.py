"""Real models served: the export is made once, and what is said is what `predict` says."""

import os
import shutil
import signal
import subprocess
import sys

import httpx
import numpy as np
import pytest
from fixtures.word_model import TOPICS

from labelmend.classify.model_folder import load_model, locate_encoders
from labelmend.errors import ModelError, ModelMissingError
from labelmend.protocols import NoProgress
from labelmend.retrieval.space import open_space
from labelmend.serve.models.watch import model_folder
from labelmend.weights.home import cache_home
from labelmend.workflows import serve
from labelmend.workflows.serve import Models, load

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
