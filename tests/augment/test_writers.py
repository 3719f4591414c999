"""The small LLM of the embedded profile writes; a server is one that says what it was asked."""

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from labelmend.augment.models import open_writers
from labelmend.augment.questions import Question
from labelmend.augment.writers import (
    LlamaWriter,
    ServersWriter,
    ServerWriter,
    drawn,
    without_last,
)
from labelmend.configs.schema import AugmentConfig, ServerConfig
from labelmend.prompts.render import NEW_TEXT, new_text_prompt
from labelmend.types import LabelCard

CONFIG = AugmentConfig(context_tokens=512, max_tokens=12, lines=1)
CARD = LabelCard("card_lost", "The user lost a card.", (), "user")


def logs(*odds):
    return np.log(np.array(odds, dtype=np.float32))


def test_what_is_drawn():
    rng = np.random.default_rng(0)
    assert drawn(logs(0.2, 0.5, 0.3), 0, 1.0, rng) == 1
    # The likeliest two have 0.8; the third is beyond the share.
    found = [drawn(logs(0.2, 0.5, 0.3), 1, 0.7, rng) for _ in range(300)]
    assert set(found) == {1, 2}
    assert found.count(1) / 300 == pytest.approx(0.5 / 0.8, abs=0.1)
    # A cold model is surer: 0.25 to 0.09.
    cold = [drawn(logs(0.2, 0.5, 0.3), 0.5, 0.7, rng) for _ in range(300)]
    assert cold.count(1) > found.count(1)
    assert drawn(logs(0.2, 0.8), 1, 0.5, rng) == 1


def test_a_reply_that_was_cut_off_loses_its_last_line():
    assert without_last("one\n2. two\n3. thr") == "one\n2. two"
    assert without_last(" one and no more") == " one and no more"


def test_a_small_llm_writes_the_same_for_the_same_seed(small_llm):
    opening, rest = new_text_prompt(CARD, ["my card is gone"])
    questions = [Question(NEW_TEXT, opening, rest, 1, seed) for seed in (1, 2, 1)]
    writer = LlamaWriter(CONFIG, small_llm)
    try:
        assert not writer.can_judge
        first, second, again = [reply.text for reply in writer.write(questions)]
        (yes,) = writer.write([Question("judge", "", "Is it so? Answer yes or no.")])
    finally:
        writer.close()
    assert first == again != second
    assert yes.text is not None
    assert LlamaWriter(replace(CONFIG, temperature=0.5), small_llm).key != writer.key


def test_a_question_that_does_not_fit_is_a_failure(small_llm):
    writer = LlamaWriter(replace(CONFIG, context_tokens=256), small_llm)
    try:
        (reply,) = writer.write([Question(NEW_TEXT, "", "word " * 400, 1)])
    finally:
        writer.close()
    assert (reply.text, reply.failure) == (None, "the context is full")


@pytest.fixture
def server():
    """A server that answers with what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, question))
            seed = question["seed"]
            said = {"message": {"content": f"1. seed {seed}\n2. cut"}, "text": f"seed {seed}"}
            said["finish_reason"] = "length" if seed == 2 else "stop"
            body = json.dumps({"choices": [said]}).encode()
            self.send_response(500 if seed == 3 else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def test_a_server_is_asked_with_the_seed(server):
    url, asked = server
    config = AugmentConfig(model="m", server=ServerConfig(url, requests=2, retries=0))
    writer = ServerWriter(config, config.server)
    questions = [Question(NEW_TEXT, "opening ", "rest", 3, seed) for seed in (1, 2, 3)]
    replies = writer.write(questions)
    writer.close()
    assert [reply.text for reply in replies] == ["1. seed 1\n2. cut", "1. seed 2", None]
    assert replies[2].failure == "HTTP 500"
    path, question = min(asked, key=lambda one: one[1]["seed"])
    assert path == "/v1/chat/completions"
    assert (question["model"], question["seed"], question["temperature"]) == ("m", 1, 0.9)
    (message,) = question["messages"]
    assert message["content"].startswith("opening rest\n\nGo on with the last list only")
    assert "write 3 more messages" in message["content"]


def test_servers_share_the_questions_and_a_lost_one_costs_nothing(server):
    url, asked = server
    gone = "http://127.0.0.1:9"
    place = ServerConfig(url.replace("127.0.0.1", "localhost"), (url, gone), requests=2, retries=1)
    config = AugmentConfig(model="m", server=place)
    with open_writers(config, None, None) as (writer, _):
        assert isinstance(writer, ServersWriter)
        assert writer.together == 12
        questions = [Question(NEW_TEXT, "", "rest", 3, seed) for seed in range(4, 12)]
        replies = writer.write([*questions, Question(NEW_TEXT, "", "rest", 3, 3)])
    assert [r.text for r in replies[:8]] == [f"1. seed {i}\n2. cut" for i in range(4, 12)]
    assert replies[8].failure == "HTTP 500"
    seeds = [question["seed"] for _, question in asked]
    assert sorted(set(seeds)) == [3, *range(4, 12)]
    alone = ServerWriter(config, replace(place, more_urls=()))
    assert alone.key == writer.key
    alone.close()


def test_a_server_without_chat_goes_on_with_the_list(server):
    url, asked = server
    config = AugmentConfig(model="m", server=ServerConfig(url, chat=False, start="<s>"))
    writer = ServerWriter(config, config.server)
    (reply,) = writer.write([Question(NEW_TEXT, "opening ", "rest<|im_end|>", 3, 5)])
    writer.close()
    assert reply.text == "seed 5"
    assert asked[0][0] == "/v1/completions"
    assert asked[0][1]["prompt"] == "<s>opening rest< |im_end|>"
