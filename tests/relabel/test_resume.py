"""Runs that are killed and run again, on real small models.

A process that has imported everything forks one child a run, so that imports are paid for once.
"""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from labelmend.llm.store import Store

FORKING = """
    import json, os, sys
    from pathlib import Path

    import faiss, llama_cpp, onnxruntime, sklearn.linear_model, tokenizers

    from labelmend.configs.load import load_config
    from labelmend.protocols import NoProgress
    from labelmend.llm import voters
    from labelmend.relabel import run_models
    from labelmend.relabel.evidence import voter
    from labelmend.workflows import relabel as job

    class Told(NoProgress):
        stage = ""

        def start(self, stage, total):
            self.stage = stage
            print(f"start {stage}", flush=True)

        def advance(self, steps=1):
            for _ in range(steps):
                print(f"done {self.stage}", flush=True)

    class Noted(voters.LlamaVoter):
        def vote(self, ballots):
            for ballot in ballots:
                print(f"asked {ballot.text}", flush=True)
            return super().vote(ballots)

    def run(table, profile, output):
        voter.open_voter = Noted
        # The model's file is of our own making: to check it anew takes half of a run.
        run_models._whole = lambda model: model
        request = job.TableRequest(Path(table))
        job.relabel_file(request, Path(output), load_config(profile), Told())

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run(*json.loads(line))
            except BaseException as error:
                print(f"failed {error!r}", flush=True)
                os._exit(1)
            os._exit(0)
        print(f"child {child}", flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)
"""

PROFILE = """
extends: embedded
encoders:
  - {backend: onnx, model: bge-small-en-v1.5, batch_size: 64, max_tokens: 256, query_prefix: "",
     cache: true, cache_gib: 1.0}
reranker: {backend: none}
describe: {model: MODEL, max_tokens: 8}
routing: {settled: 1.01, audit_rows: 8, llm_rows: -1}
voters:
  - {model: MODEL, ballot: channel, candidates: 3, exemplars: 1, permutations: 1,
     context_tokens: 1024, batch_tokens: 256, threads: 0, gpu_layers: 0}
"""


class Runs:
    """Runs one job after the other, each in a process of its own."""

    def __init__(self, profile):
        self.profile = profile
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(FORKING)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, table, output):
        self.process.stdin.write(json.dumps([str(table), str(self.profile), str(output)]) + "\n")
        self.process.stdin.flush()

    def end(self, kill_at=None, delay=0.0):
        """Return what the run said: (word, rest) a line.

        Args:
            kill_at: descriptions and votes done after which SIGKILL is sent.
            delay: seconds until then.
        """
        child, said = 0, []
        for line in self.process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "ended":
                break
            if word == "child":
                child = int(rest)
            else:
                said.append((word, rest))
            if kill_at is not None and child and len(steps(said)) >= kill_at:
                time.sleep(delay)
                os.kill(child, signal.SIGKILL)
                kill_at = None
        assert "failed" not in {word for word, _ in said}, said
        return said

    def run(self, table, output, **kill):
        self.begin(table, output)
        return self.end(**kill)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def steps(said):
    """The descriptions and votes that were reported as done."""
    return [rest for word, rest in said if word == "done" and rest.startswith(("desc", "vote"))]


def voted(said):
    """The texts that were asked, and those of them whose votes were reported as done."""
    asked, done = [], []
    for word, rest in said:
        if word == "asked":
            asked.append(rest)
        elif word == "done" and rest.startswith("vote") and len(done) < len(asked):
            done.append(asked[len(done)])
    return asked, done


def outcome(output):
    """The mended table and its evidence, byte for byte."""
    return output.read_bytes(), output.with_suffix(".evidence.jsonl").read_bytes()


@pytest.fixture(scope="module")
def profile(tmp_path_factory, small_llm, bge_small):
    assert bge_small.path.is_dir()
    path = tmp_path_factory.mktemp("profile") / "profile.yaml"
    path.write_text(PROFILE.replace("MODEL", str(small_llm.path)))
    return path


@pytest.fixture(scope="module")
def runs(profile):
    runs = Runs(profile)
    yield runs
    runs.close()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    topics = {
        "card_lost": "I lost my card|my card is gone|where is my card|card lost on the bus|lost it",
        "pin_reset": "reset my pin|I forgot the pin|new pin please|pin is wrong|my card went too",
        "transfer": "send money|transfer failed|where is my money|money to my mum|a lost transfer",
    }
    rows = [f"{text},{label}" for label, texts in topics.items() for text in texts.split("|")]
    path.write_text("\n".join(["text,label", *rows, ""]))
    return path


@pytest.fixture(scope="module")
def whole(runs, table, tmp_path_factory):
    """An uninterrupted run's output, and what it said."""
    output = tmp_path_factory.mktemp("whole") / "out.csv"
    return output, runs.run(table, output)


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.peer)])
def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(
    kills, runs, table, whole, tmp_path
):
    uninterrupted, said = whole
    total = len(steps(said))
    assert total == 3 + 15
    chance = random.Random(4)
    output = tmp_path / "out.csv"
    all_done, votes = set(), 0
    for moment in sorted(chance.sample(range(total), kills)):
        said = runs.run(table, output, kill_at=moment, delay=chance.random() * 0.2)
        assert not output.exists()
        asked, done = voted(said)
        assert not all_done & set(asked)
        all_done |= set(done)
        votes += len(asked)
        with Store(output.with_suffix(".votes.sqlite")) as store:
            assert store.count() >= len(all_done)
    said = runs.run(table, output)
    asked, done = voted(said)
    assert not all_done & set(asked)
    assert len(all_done) > kills / 2  # or nothing was killed while it voted
    assert asked == done
    assert len(steps(said)) == total
    assert outcome(output) == outcome(uninterrupted)


def test_two_processes_on_one_store(runs, profile, table, whole, tmp_path):
    other, output = Runs(profile), tmp_path / "out.csv"
    try:
        for process in (runs, other):
            process.begin(table, output)
        for process in (runs, other):
            assert len(steps(process.end())) == 3 + 15
    finally:
        other.close()
    assert outcome(output) == outcome(whole[0])
    # What both asked is remembered once, and for good.
    asked, _ = voted(runs.run(table, output))
    assert asked == []
    assert outcome(output) == outcome(whole[0])
    with Store(output.with_suffix(".votes.sqlite")) as store:
        assert (store.count(), store.count_replies()) == (15, 3)
