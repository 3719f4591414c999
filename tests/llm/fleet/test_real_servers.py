"""Two of llama-cpp-python's own servers with the real small model; one is killed."""

import signal
from dataclasses import replace

import numpy as np
import pytest
from fixtures.llama_server import llama_server

from labelmend.configs.load import load_config
from labelmend.configs.schema import ServerConfig
from labelmend.llm.fleet.voter import FleetVoter
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot
from labelmend.llm.voters import LlamaVoter, collect_votes
from labelmend.protocols import NoProgress
from labelmend.types import LabelCard

CARDS = (LabelCard("card_lost", "", (), "name"), LabelCard("weather", "", (), "name"))
TEXTS = ("I lost my card", "will it rain", "hello", "my card is gone", "so wet", "where is it")
BALLOTS = [Ballot(text, CARDS) for text in TEXTS]
NATS = 0.2
"""How far the difference of two letters' log-probabilities may lie from this process's."""


class Killing(NoProgress):
    """Kills a server with SIGKILL once a vote is stored."""

    def __init__(self, process):
        self.process = process

    def advance(self, steps=1):
        if steps:
            self.process.send_signal(signal.SIGKILL)


@pytest.mark.peer
def test_real_servers_share_ballots_and_one_of_them_is_killed(smollm2, monkeypatch):
    monkeypatch.setenv("LABELMEND_TEST_KEY", "sk-test")
    config = replace(
        load_config().voters[0],
        ballot="choice",
        candidates=2,
        exemplars=0,
        context_tokens=512,
        batch_tokens=256,
        model="small",
    )
    here = LlamaVoter(config, smollm2)
    expected = here.vote(BALLOTS)
    here.close()
    with (
        llama_server(smollm2, "sk-test") as (one, _),
        llama_server(smollm2, "sk-test") as (other, process),
        Store(None) as store,
    ):
        server = ServerConfig(
            one, (other,), api_key_env="LABELMEND_TEST_KEY", requests=2, top_logprobs=1000
        )
        voter = FleetVoter(config, server, "small")
        votes, report = collect_votes(voter, BALLOTS, store, Killing(process))
        voter.close()
    assert (report.failures, sum(report.answered.values())) == ({}, 6)
    assert report.answered[one] >= 4
    for ours, theirs in zip(expected, votes, strict=True):
        assert theirs.scores == pytest.approx(ours.scores, abs=NATS)
        assert np.ptp(theirs.scores) > 0
