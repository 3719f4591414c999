"""A model takes the place of another: no request is lost, and what can't be loaded is told."""

import shutil
import threading
import time
from pathlib import Path

import pytest
from fixtures.served import Served, Words, loaded

from labelmend.errors import ModelError
from labelmend.serve.models import watch as watching
from labelmend.serve.models.watch import Watch, model_folder


def write(folder, version):
    """A model folder, as far as the watch reads it; it appears as a whole."""
    new = folder.with_name(f"{folder.name}.new")
    new.mkdir(parents=True)
    (new / "model.json").write_text(version)
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)
    return folder


def promote(registry, version):
    """Let the champion be a version, by one rename."""
    folder = registry / "versions" / version / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(version)
    link = registry / "champion.new"
    link.symlink_to(Path("versions") / version / "model")
    link.replace(registry / "champion")


class Loader:
    """Opens what a folder says; each model is one engine."""

    def __init__(self):
        self.asked, self.problem = [], None

    def __call__(self, path):
        version = (model_folder(path) / "model.json").read_text()
        self.asked.append(version)
        if self.problem is not None:
            raise self.problem
        return loaded(Words(), version)


@pytest.fixture
def registry(tmp_path):
    promote(tmp_path / "registry", "v00001")
    return tmp_path / "registry"


def watched(service, path, every=3600.0):
    told, load = [], Loader()
    return Watch(service, {"main": path}, load, every, lambda *said: told.append(said)), load, told


def test_a_registry_means_its_champion(tmp_path, registry):
    assert model_folder(registry) == registry / "versions/v00001/model"
    assert model_folder(registry / "champion") == registry / "versions/v00001/model"
    plain = write(tmp_path / "model", "v1")
    assert model_folder(plain) == plain
    assert model_folder(tmp_path / "nowhere") == tmp_path / "nowhere"


def test_a_new_champion_is_loaded_once(registry):
    with Served(loaded(version="v00001")) as served:
        watch, load, told = watched(served.service, registry)
        watch.look()
        assert (load.asked, told) == ([], [])
        promote(registry, "v00002")
        watch.look()
        watch.look()
        assert load.asked == ["v00002"]
        assert told == [("swapped", "main", "v00002")]
        assert served.ask({"text": "card"}).json()["version"] == "v00002"
        figures = served.service.metrics.page(0).decode()
        assert 'labelmend_swaps_total{role="main"} 1.0' in figures
        assert 'version="v00001"' not in figures


def test_a_folder_that_is_replaced_is_seen_and_one_that_says_the_same_is_none(tmp_path):
    folder = write(tmp_path / "model", "v1")
    with Served(loaded(version="v1")) as served:
        watch, load, told = watched(served.service, folder)
        write(folder, "v1")
        watch.look()
        assert (load.asked, told) == (["v1"], [])
        write(folder, "v2")
        watch.look()
        assert served.service.models["main"].version == "v2"


def test_a_rollback_to_the_one_that_answers_ends_a_problem(registry):
    with Served(loaded(version="v00001")) as served:
        watch, load, told = watched(served.service, registry)
        load.problem = ModelError("broken")
        promote(registry, "v00002")
        watch.look()
        assert served.service.problems == {"main": "broken"}
        load.problem = None
        promote(registry, "v00001")
        watch.look()
        assert (load.asked, served.service.problems) == (["v00002", "v00001"], {})
        assert [what for what, *_ in told] == ["failed"]


def test_what_can_t_be_loaded_is_told_once_and_the_one_before_answers(registry, monkeypatch):
    with Served(loaded(version="v00001")) as served:
        watch, load, told = watched(served.service, registry)
        load.problem = ModelError("broken")
        promote(registry, "v00002")
        watch.look()
        watch.look()
        assert (load.asked, told) == (["v00002"], [("failed", "main", "broken")])
        assert served.ask({"text": "card"}).json()["version"] == "v00001"
        with served.client() as client:
            assert client.get("/v1/models").json()["models"][0]["problem"] == "broken"
        # It is tried again after a while, and then it is well.
        monkeypatch.setattr(watching, "_AGAIN", 0.0)
        load.problem = RuntimeError("a secret text")
        promote(registry, "v00003")
        watch.look()
        assert told[-1] == ("failed", "main", "unexpected RuntimeError")
        load.problem = None
        watch.look()
        assert served.service.models["main"].version == "v00003"
        assert not served.service.problems


def test_a_champion_that_is_missing_for_a_moment_is_waited_for(registry):
    with Served(loaded(version="v00001")) as served:
        watch, load, told = watched(served.service, registry)
        (registry / "champion").unlink()
        watch.look()
        assert load.asked == []
        promote(registry, "v00001")
        watch.look()
        assert told == []


def test_no_request_is_lost_while_models_are_swapped(registry):
    engine = Words(seconds=0.002)
    with Served(loaded(engine, "v00001")) as served:
        watch, _, _ = watched(served.service, registry, every=0.02)
        watch.start()
        stop, replies = threading.Event(), []

        def ask():
            with served.client() as client:
                while not stop.is_set():
                    reply = client.post("/v1/predict", json={"texts": ["card"] * 5})
                    body = reply.json()
                    count = len(body.get("predictions", ()))
                    replies.append((reply.status_code, body.get("version"), count))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for n in range(2, 8):
            promote(registry, f"v{n:05}")
            end = time.monotonic() + 30
            while f"v{n:05}" not in {version for _, version, _ in list(replies)}:
                assert time.monotonic() < end
                time.sleep(0.005)
        stop.set()
        for thread in threads:
            thread.join()
        watch.stop()
        last = served.ask({"text": "card"}).json()["version"]
    assert last == "v00007"
    assert {(status, count) for status, _, count in replies} == {(200, 5)}
    assert {version for _, version, _ in replies} >= {f"v{n:05}" for n in range(2, 8)}
