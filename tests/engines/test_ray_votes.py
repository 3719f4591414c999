"""LLM voters in the processes of a real Ray cluster: their votes are those of this process."""

import os
import signal
from dataclasses import replace

import numpy as np
import psutil
import pytest

from labelmend.configs.load import load_config
from labelmend.engines.ray_executor import RayExecutor
from labelmend.engines.ray_worker import Holder
from labelmend.errors import ModelError, ModelMissingError
from labelmend.llm.fleet import workers
from labelmend.llm.fleet.workers import WorkersVoter
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot
from labelmend.llm.voters import LlamaVoter, collect_votes
from labelmend.parallel import LOCAL
from labelmend.protocols import NoProgress
from labelmend.relabel.evidence.base import Corpus
from labelmend.relabel.evidence.voter import VoterSource
from labelmend.retrieval.neighbours import Neighbours
from labelmend.types import LabelCard

CARDS = tuple(
    LabelCard(name, f"About {name}.", (f"what of my {name}",), "name")
    for name in ("card", "rain", "loan", "trip")
)
TEXTS = tuple(f"message {i} on {CARDS[i % 4].label} please" for i in range(60))
BALLOTS = [Ballot(text, CARDS[i % 3 : i % 3 + 2]) for i, text in enumerate(TEXTS)]


@pytest.fixture
def executor(ray_cluster):
    made = RayExecutor(ray_cluster)
    yield made
    made.close()


@pytest.fixture
def own(small_llm):
    """A small model, as a user's own file is found."""
    return replace(small_llm, name="small", source="your file")


@pytest.fixture
def config(own):
    changes = {"exemplars": 1, "context_tokens": 512, "batch_tokens": 256, "candidates": 2}
    return replace(load_config().voters[0], model=str(own.path), **changes)


class Meanwhile(NoProgress):
    """Does something once, when more than so many votes are stored."""

    def __init__(self, act, after=0):
        self.act, self.left = act, after

    def advance(self, steps=1):
        self.left -= steps
        if self.left < 0 and self.act is not None:
            self.act, act = None, self.act
            act()


def noted(folder):
    """What holds the model, and notes each text that it is asked about before it answers."""

    class Noting(workers._Holding):
        def __call__(self, ballots):
            with (folder / str(os.getpid())).open("a") as file:
                file.write("".join(f"{ballot.text}\n" for ballot in ballots))
            return super().__call__(ballots)

    return Noting


def test_a_worker_that_is_killed_is_no_loss_and_nothing_stored_is_asked_again(
    ray_cluster, own, config, tmp_path
):
    executor = RayExecutor(ray_cluster, model_cores=1)
    here = LlamaVoter(config, own)
    expected = here.vote(BALLOTS)
    here.close()
    voter = WorkersVoter(config, own, executor)
    assert voter.key == here.key
    voter._work = noted(tmp_path)(config, own)  # travels by value: workers see no tests
    kept = []

    def kill():
        kept.append(store.count())
        line = "ray::Noting", "ray::Holder"
        holders = [
            process
            for process in psutil.Process().children(recursive=True)
            if process.cmdline()[:1] and process.cmdline()[0].startswith(line)
        ]
        os.kill(holders[0].pid, signal.SIGKILL)

    with Store(tmp_path / "votes.sqlite") as store:
        votes, report = collect_votes(voter, BALLOTS, store, Meanwhile(kill))
        assert store.count() == 60
    assert votes == expected
    assert (report.asked, report.failures, report.answered) == (60, {}, {})
    assert report.tokens > 0
    # The first group was stored as the process was killed: its texts were asked about once.
    asked = [line for path in tmp_path.iterdir() if path.name.isdigit() for line in path.open("r")]
    assert 0 < kept[0] < 60
    assert all(asked.count(f"{text}\n") == 1 for text in TEXTS[: kept[0]])
    assert set(asked) == {f"{text}\n" for text in TEXTS}
    executor.close()


def test_a_run_begins_here_and_goes_on_there_and_the_other_way_round(
    executor, own, config, tmp_path
):
    def interrupt():
        raise KeyboardInterrupt

    path = tmp_path / "votes.sqlite"
    with Store(path) as store:
        here = LlamaVoter(config, own)
        with pytest.raises(KeyboardInterrupt):
            collect_votes(here, BALLOTS[:40], store, Meanwhile(interrupt))
        begun = store.count()
        there = WorkersVoter(config, own, executor)
        with pytest.raises(KeyboardInterrupt):
            collect_votes(there, BALLOTS[:40], store, Meanwhile(interrupt, after=begun))
        more = store.count()
        assert 0 < begun < more < 40
        votes, report = collect_votes(here, BALLOTS, store, NoProgress())
        assert report.remembered == more
        assert votes == here.vote(BALLOTS)
        here.close()


def test_the_source_votes_where_the_run_is_carried(executor, smollm2):
    changes = {"exemplars": 1, "context_tokens": 512, "batch_tokens": 256, "threads": 64}
    config = replace(load_config().voters[0], **changes)
    near = Neighbours(np.full((60, 1), -1), np.zeros((60, 1), np.float32))
    labels, vectors = tuple(card.label for card in CARDS), np.zeros((60, 1), np.float32)
    found = []
    for each, threads in ((executor, 64), (LOCAL, 1)):  # a worker has two cores at most
        corpus = Corpus(TEXTS, labels, vectors, near, None, cards=CARDS, executor=each)
        with Store(None) as store:
            source = VoterSource(replace(config, threads=threads), smollm2, store)
            source = source.fit(corpus, None, 0)
            found.append(source.score(np.arange(2), np.tile([1, 2], (2, 1))))
        assert source.asked.all()
    np.testing.assert_array_equal(*found)


@pytest.mark.usefixtures("ray_cluster")
def test_a_node_without_the_model_or_with_another_is_named_in_a_line(own, config, tmp_path):
    path = tmp_path / "model.gguf"
    model = replace(own, path=path)
    holder = Holder(workers._Holding(config, model), 1)  # what a node's process runs
    with pytest.raises(ModelMissingError) as raised:
        holder.carry(BALLOTS[:1])
    line = str(raised.value)
    assert line.startswith("node ")
    assert line.endswith(
        f": {path} is not here; an LLM that votes has to be at the same path on each node: copy it "
        "there"
    )
    path.write_bytes(own.path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"model\.gguf is another file here than where the run"):
        WorkersVoter(config, model, LOCAL).vote(BALLOTS[:1])
