"""What the page is told of drift: looked for in a thread, seldom, and only where somebody asks."""

import threading
import time
from concurrent.futures import CancelledError

import pytest
from fixtures.served import Served, Words, loaded

from labelmend.errors import InputError
from labelmend.serve.parts.drift import DriftWatch, Seen, drift_part
from labelmend.voice.speak import spoken

SEEN = Seen(True, "Drift: labels", ("labels: drift",), {"drift": True})


class Looks:
    """Looks that are counted, and wait for a gate."""

    def __init__(self, seen=SEEN):
        self.seen = seen
        self.languages = []
        self.gate = threading.Event()

    def __call__(self):
        self.languages.append(spoken())
        assert self.gate.wait(20)
        if isinstance(self.seen, BaseException):
            raise self.seen
        return self.seen


def ready(watch):
    ends = time.monotonic() + 20
    while (told := watch.told()).state != "ready":
        assert time.monotonic() < ends
        time.sleep(0.002)
    return told


def test_a_request_never_waits_and_one_thread_looks():
    looks = Looks()
    watch = DriftWatch(looks, "ru")
    for _ in range(3):
        told = watch.told()
        assert (told.state, told.at, told.headline, told.lines) == ("looking", None, None, [])
    looks.gate.set()
    told = ready(watch)
    assert (told.is_drift, told.headline, told.lines) == (True, SEEN.headline, ["labels: drift"])
    assert told.facts == {"drift": True}
    # What is known is told for minutes, in the page's language.
    assert [watch.told().state for _ in range(3)] == ["ready"] * 3
    assert looks.languages == ["ru"]


def test_what_is_old_is_told_while_a_thread_looks_again():
    looks = Looks()
    looks.gate.set()
    watch = DriftWatch(looks, "en", every=0.2)
    ready(watch)
    looks.gate.clear()
    time.sleep(0.25)
    told = watch.told()
    assert (told.state, told.headline) == ("looking", SEEN.headline)
    looks.gate.set()
    assert ready(watch).problem is None
    assert len(looks.languages) == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("log.sqlite: keeps no texts"), "log.sqlite: keeps no texts"),
        (ValueError("a secret text"), "ValueError"),
    ],
)
def test_why_nothing_is_found(error, said):
    looks = Looks(error)
    looks.gate.set()
    told = ready(DriftWatch(looks, "en"))
    assert (told.problem, told.is_drift, told.facts) == (said, None, None)


def test_over_http_and_told_by_the_models():
    looks = Looks()
    looks.gate.set()
    watch = DriftWatch(looks, "en")
    with Served(add=lambda service: [drift_part(watch)]) as served, served.client() as client:
        assert client.get("/v1/models").json()["watches_drift"] is True
        assert client.get("/v1/drift").status_code == 200
        ready(watch)
        assert client.get("/v1/drift").json()["headline"] == SEEN.headline
    with Served() as served, served.client() as client:
        assert client.get("/v1/models").json()["watches_drift"] is False
        assert client.get("/v1/drift").status_code == 404


def test_texts_are_placed_beside_requests_and_in_the_models_own_space():
    engine = Words()
    with Served(loaded(engine, max_text_chars=6)) as served:
        texts = [f"card {'money' if i % 2 else 'time'}" for i in range(9)]
        found = served.service.placed_aside(served.service.models["main"], texts)
        # Cut to six characters, of which "card" is one of the labels.
        assert found.tolist() == [[1, 0, 0, 0]] * 9
        assert max(map(len, engine.batches)) == 4
        assert served.ask({"text": "money"}).json()["predictions"][0]["label"] == "money"


def test_a_server_that_stops_lets_nobody_wait():
    engine = Words(seconds=0.02)
    told = []
    with Served(loaded(engine)) as served:
        model = served.service.models["main"]

        def look():
            try:
                served.service.placed_aside(model, ["card"] * 4000)
            except CancelledError:
                told.append("cancelled")

        thread = threading.Thread(target=look)
        thread.start()
        assert engine.entered.wait(20)
    thread.join(20)
    assert told == ["cancelled"]
    assert len(engine.batches) < 1000
