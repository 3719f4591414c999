"""Several servers that run one model: real HTTP, and servers that die, dawdle and come back."""

import json
import queue
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from fixtures.told_server import Told, lost, status

from labelmend.configs.load import load_config
from labelmend.configs.schema import ServerConfig
from labelmend.errors import ConfigError, ModelError
from labelmend.llm import api_client
from labelmend.llm.ballots import option_orders
from labelmend.llm.fleet import dispatch
from labelmend.llm.fleet.voter import FleetVoter
from labelmend.llm.server import ServerVoter
from labelmend.llm.store import Store
from labelmend.llm.types import Ballot, Vote
from labelmend.llm.voters import collect_votes, open_voter
from labelmend.protocols import NoProgress
from labelmend.relabel.run_models import locate_models
from labelmend.types import LabelCard
from labelmend.weights.locate import LocatedModel

CONFIG = replace(load_config().voters[0], model="small", ballot="choice", candidates=2, exemplars=1)
CARDS = (LabelCard("card_lost", "", (), "name"), LabelCard("weather", "", (), "name"))
RIGHT = -np.log1p(np.exp(-2.4))
"""Of A against B: -0.1 less the logarithm of exp(-0.1) + exp(-2.5)."""


@pytest.fixture
def fleet(monkeypatch):
    """Three servers, and the settings that name them."""
    monkeypatch.setattr(api_client, "FIRST_WAIT", 0.02)
    servers = [Told() for _ in range(3)]
    yield servers
    for server in servers:
        server.close()


def settings(servers, **changes):
    url, *more = [server.url for server in servers]
    told = {"requests": 2, "retries": 2, "timeout_s": 30.0, **changes}
    return ServerConfig(url=url, more_urls=tuple(more), **told)


def numbered(count):
    return [Ballot(f"text {i} here", CARDS) for i in range(count)]


def collected(voter, ballots, store=None, progress=None):
    """The votes, the report, and the counts of ballots in the order of the servers."""
    try:
        if store is None:
            with Store(None) as store:
                votes, report = collect_votes(voter, ballots, store, NoProgress())
        else:
            votes, report = collect_votes(voter, ballots, store, progress or NoProgress())
    finally:
        voter.close()
    return votes, report, list(report.answered.values())


def assert_right(ballots, votes):
    """The first option of each is as likely as A, whichever server was asked."""
    for ballot, vote in zip(ballots, votes, strict=True):
        assert vote.failure is None
        (order,) = option_orders(ballot, 1)
        assert [vote.scores[i] for i in order] == pytest.approx([RIGHT, RIGHT - 2.4])


def delayed(server, seconds):
    """Let a server take so long for each answer."""
    reply = server.reply

    def late(_):
        time.sleep(seconds)
        return reply

    server.reply = late


def test_servers_share_the_ballots_and_the_votes_are_those_of_one(fleet):
    ballots = numbered(30)
    votes, report, counts = collected(FleetVoter(CONFIG, settings(fleet), "small"), ballots)
    assert_right(ballots, votes)
    alone, _, _ = collected(ServerVoter(CONFIG, settings(fleet[:1]), "small"), ballots)
    assert votes == alone
    assert (report.asked, report.failures, sum(counts)) == (30, {}, 30)
    assert min(counts) > 0
    assert list(report.answered) == [f"{server.url}/v1" for server in fleet]
    # With the checks' questions, and those without a text; fleet[0] was asked once more, alone.
    assert report.tokens == 50 * (2 * 30 + 3)
    assert [len(server.asked) for server in fleet[1:]] == [2 * count for count in counts[1:]]


def test_the_faster_a_server_is_the_more_it_gets(fleet):
    for server, seconds in zip(fleet, (0.02, 0.15, 0.6), strict=True):
        delayed(server, seconds)
    _, _, counts = collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(40))
    assert sum(counts) == 40
    # By their rates 34, 5 and 1; the rest is left to a busy machine.
    assert counts[0] > counts[1] > counts[2] > 0


class Midway(NoProgress):
    """Does something once, when so many votes are stored."""

    def __init__(self, votes, act):
        self.left, self.act = votes, act

    def advance(self, steps=1):
        self.left -= steps
        if self.left <= 0 and self.act is not None:
            self.act, act = None, self.act
            act()


def killed(server):
    """What a server that was killed is to its clients: no answer, and nobody who listens."""
    server.always = {"": lost}
    server.models = lost
    server.close()


def test_a_server_that_dies_midway_costs_nothing(fleet):
    ballots = numbered(60)
    delayed(fleet[0], 0.005)
    with Store(None) as store:
        progress = Midway(10, lambda: killed(fleet[1]))
        voter = FleetVoter(CONFIG, settings(fleet), "small")
        votes, report, counts = collected(voter, ballots, store, progress)
        assert store.count() == 60
    assert_right(ballots, votes)
    assert (report.failures, sum(counts)) == ({}, 60)
    assert 0 < counts[1] < min(counts[0], counts[2])


def test_a_server_that_only_says_503_costs_nothing(fleet):
    ballots = numbered(40)
    fleet[0].always = {"here": status(503)}  # its checks pass
    fleet[1].always = {"": status(503)}
    votes, report, counts = collected(FleetVoter(CONFIG, settings(fleet), "small"), ballots)
    assert_right(ballots, votes)
    assert (report.failures, counts) == ({}, [0, 0, 40])
    # It is left alone for longer each time.
    assert len(fleet[0].asked) < 20


def test_a_server_that_takes_too_long_costs_nothing(fleet):
    ballots = numbered(20)
    over = threading.Event()

    def stuck(handler):
        over.wait(20.0)
        handler.close_connection = True

    fleet[2].always = {"here": stuck}
    voter = FleetVoter(CONFIG, settings(fleet, timeout_s=0.5), "small")
    votes, report, counts = collected(voter, ballots)
    over.set()
    assert_right(ballots, votes)
    assert (report.failures, counts[2]) == ({}, 0)


def test_a_server_that_comes_back_is_used_again(fleet, monkeypatch):
    monkeypatch.setattr(api_client, "LONGEST_WAIT", 0.05)  # shorter than a busy machine's run
    ballots = numbered(90)
    delayed(fleet[0], 0.01)
    delayed(fleet[2], 0.01)
    killed(fleet[1])
    again = []
    with Store(None) as store:
        progress = Midway(10, lambda: again.append(Told(fleet[1].port)))
        voter = FleetVoter(CONFIG, settings(fleet), "small")
        votes, report, counts = collected(voter, ballots, store, progress)
    again[0].close()
    assert_right(ballots, votes)
    assert (report.failures, sum(counts)) == ({}, 90)
    assert counts[1] == len(again[0].asked) / 2 > 0


def test_where_all_are_lost_one_line_says_so_and_another_run_goes_on_elsewhere(fleet, tmp_path):
    ballots = numbered(40)

    def all_killed():
        for server in fleet:
            killed(server)

    with Store(tmp_path / "votes.sqlite") as store:
        voter = FleetVoter(CONFIG, settings(fleet), "small")
        with pytest.raises(ModelError) as raised:
            collected(voter, ballots, store, Midway(12, all_killed))
        line = str(raised.value)
        assert line.startswith("none of 3 servers answers (http://127.0.0.1:")
        assert all(f"{server.url}/v1: " in line for server in fleet)
        assert line.endswith("; votes so far are kept: run the same command again to resume")
        assert "\n" not in line
        kept = store.count()
        assert 12 <= kept < 40
        other = Told()
        votes, report, _ = collected(
            ServerVoter(CONFIG, settings([other]), "small"), ballots, store
        )
        other.close()
    assert_right(ballots, votes)
    assert (report.remembered, len(other.asked)) == (kept, 2 * (40 - kept))


def test_a_server_that_was_never_there_is_left_out(fleet):
    killed(fleet[0])
    ballots = numbered(10)
    votes, report, counts = collected(FleetVoter(CONFIG, settings(fleet), "small"), ballots)
    assert_right(ballots, votes)
    assert (counts[0], sum(counts), report.failures) == (0, 10, {})


def told_of(**facts):
    return lambda handler: handler.answer(200, json.dumps({"data": [{"id": "small", **facts}]}))


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ({"root": "Qwen/Qwen2.5-7B"}, {"root": "/m/Qwen2.5-7B-AWQ/"}, "root is 'Qwen2.5-7B"),
        ({"meta": {"size": 145, "n_params": 9}}, {"meta": {"size": 91, "n_params": 9}}, "size is"),
        ({"parent": "a"}, {"parent": "b"}, "parent is"),
    ],
)
def test_servers_of_different_models_are_refused_before_anything_is_asked(fleet, one, other, said):
    fleet[0].models, fleet[1].models = told_of(**one), told_of(**other)
    with pytest.raises(ModelError, match=rf"runs another model than http://.*: {said}") as raised:
        collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(5))
    assert "votes are kept by model" in str(raised.value)
    assert not any(server.asked for server in fleet)


def test_the_same_model_in_another_folder_or_untold_is_none_other(fleet):
    fleet[0].models = told_of(root="/here/Qwen2.5-7B", meta=None)
    fleet[1].models = told_of(root="Qwen/Qwen2.5-7B", parent=None, meta={"size": 7})
    votes, _, _ = collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(5))
    assert_right(numbered(5), votes)


def test_a_server_that_comes_back_with_another_model_is_not_used(fleet):
    ballots = numbered(60)
    for server in fleet:
        server.models = told_of(meta={"size": 7})
        delayed(server, 0.01)

    before = []

    def changed():
        before.append(len(fleet[1].asked))
        fleet[1].models = told_of(meta={"size": 8})
        fleet[1].faults = [status(503)] * 2

    with Store(None) as store:
        voter = FleetVoter(CONFIG, settings(fleet), "small")
        votes, _, _ = collected(voter, ballots, store, Midway(10, changed))
    assert_right(ballots, votes)
    # What was under way, and the ballot on which it failed; else it would get some thirty.
    assert len(fleet[1].asked) - before[0] <= 6


def test_a_model_that_a_server_lacks_is_refused(fleet):
    fleet[2].models = lambda handler: handler.answer(200, json.dumps({"data": [{"id": "large"}]}))
    with pytest.raises(ModelError, match=rf"^{fleet[2].url}/v1: serves no model 'small'"):
        collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(5))


def test_a_ballot_that_fails_everywhere_is_a_failure_and_no_end(fleet):
    for server in fleet:
        server.always = {"text 3 here": status(500)}
    votes, report, counts = collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(20))
    assert votes[3] == Vote(None, "HTTP 500")
    assert (report.failures, sum(counts)) == ({"HTTP 500": 1}, 19)
    asked = sum("text 3 here" in raw for server in fleet for raw in server.asked)
    assert asked == 3  # by each server once, and with two retries no more


def test_servers_that_fail_ballot_after_ballot_end_the_run(fleet):
    for server in fleet:
        server.always = {"here": status(500)}
    with pytest.raises(ModelError, match=r"4 ballots in a row failed \(HTTP 500\); votes so far"):
        collected(FleetVoter(CONFIG, settings(fleet, hopeless_after=4), "small"), numbered(20))


def test_a_question_that_is_refused_is_asked_once(fleet):
    for server in fleet:
        server.always = {"text 3 here": status(400, "too long")}
    _, report, _ = collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(8))
    assert report.failures == {"the server refuses the question (HTTP 400)": 1}
    asked = sum("text 3 here" in raw for server in fleet for raw in server.asked)
    assert asked == 1


@pytest.mark.parametrize("rest", ["30", "1e300"])  # the second no thread could wait
def test_a_server_that_wants_rest_gets_it(fleet, rest):
    fleet[0].faults = [status(429, Retry_After=rest)] * 2
    ballots = numbered(20)
    began = time.monotonic()
    votes, report, counts = collected(FleetVoter(CONFIG, settings(fleet), "small"), ballots)
    assert time.monotonic() - began < 20
    assert_right(ballots, votes)
    assert (report.failures, counts[0]) == ({}, 0)


def test_a_server_that_wants_rest_for_some_questions_of_a_group_gets_it_too(fleet):
    limited = {f"text {i} here": status(429, Retry_After="30") for i in range(0, 20, 2)}
    fleet[0].always = limited
    for server in fleet[1:]:
        delayed(server, 0.05)
    votes, report, counts = collected(
        FleetVoter(CONFIG, settings(fleet, requests=4), "small"), numbered(20)
    )
    assert_right(numbered(20), votes)
    # It answered one of the two ballots that it got, and got no more.
    assert (report.failures, counts[0] <= 1) == ({}, True)


def test_where_all_want_a_long_rest_one_line_tells_it_of_each(fleet):
    for server in fleet:
        server.always = {"here": status(429, Retry_After="3600")}
    with pytest.raises(ModelError) as raised:
        collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(20))
    rests = [f"{server.url}/v1: HTTP 429, and asks to be left alone for 3600 s" for server in fleet]
    assert str(raised.value).startswith(f"none of 3 servers answers ({'; '.join(rests)}); votes")


def test_where_all_refuse_the_key_one_line_names_each_once(fleet):
    def refused():
        for server in fleet:
            server.always, server.models = {"": status(401)}, status(401)

    voter = FleetVoter(CONFIG, settings(fleet), "small")
    with Store(None) as store, pytest.raises(ModelError) as raised:
        collected(voter, numbered(40), store, Midway(6, refused))
    for server in fleet:
        said = f"{server.url}/v1: the server wants another API key (HTTP 401)"
        assert str(raised.value).count(said) == str(raised.value).count(server.url) == 1


def test_a_server_that_has_failed_for_a_day_is_left_alone_as_long_as_before():
    member = dispatch._Member(None, failed_checks=3000)
    member.rest("down", 0.0)
    assert member.rests_until - time.monotonic() == pytest.approx(api_client.LONGEST_WAIT, abs=5)


def test_what_was_answered_is_heard_before_all_servers_are_given_up(fleet):
    voter = FleetVoter(CONFIG, settings(fleet), "small")
    for member in voter._fleet._members:
        member.rest("down", 3600.0)
    told = queue.SimpleQueue()
    told.put("an answer")
    voter._fleet._check_hope(told)
    told.get()
    with pytest.raises(ModelError, match="none of 3 servers answers"):
        voter._fleet._check_hope(told)
    voter.close()


def test_a_server_that_can_not_tell_its_model_at_the_moment_is_not_asked(fleet):
    fleet[1].models = status(503)
    votes, _, counts = collected(FleetVoter(CONFIG, settings(fleet), "small"), numbered(20))
    assert_right(numbered(20), votes)
    assert (counts[1], fleet[1].asked) == (0, [])


def test_the_next_call_leaves_a_server_to_the_thread_that_still_checks_it(fleet):
    fleet[2].models = status(503)
    voter = FleetVoter(CONFIG, settings(fleet), "small")
    voter.vote(numbered(4))
    checked, over = [], threading.Event()

    def stuck(handler):
        checked.append(handler)
        over.wait(20.0)
        handler.close_connection = True

    fleet[2].models = stuck
    while not checked:
        assert_right(numbered(2), voter.vote(numbered(2)))
        time.sleep(0.02)
    for _ in range(3):
        assert_right(numbered(2), voter.vote(numbered(2)))
        time.sleep(0.05)
    over.set()
    voter.close()
    assert len(checked) == 1


def test_no_server_is_asked_where_all_is_remembered(fleet):
    ballots = numbered(6)
    with Store(None) as store:
        collected(FleetVoter(CONFIG, settings(fleet), "small"), ballots, store)
        for server in fleet:
            killed(server)
        voter = FleetVoter(CONFIG, settings(fleet), "small")
        votes, report, counts = collected(voter, ballots, store)
        assert voter.vote([]) == []
    assert_right(ballots, votes)
    assert (report.remembered, counts) == (6, [0, 0, 0])


def test_a_time_budget_is_kept(fleet):
    for server in fleet:
        delayed(server, 0.05)
    with Store(None) as store:
        voter = FleetVoter(CONFIG, settings(fleet), "small")
        votes, report = collect_votes(voter, numbered(90), store, NoProgress(), limit=0.3)
        voter.close()
        assert report.unasked == 90 - store.count() > 0
        assert len([vote for vote in votes if vote.scores]) == store.count() > 0


def test_votes_are_kept_by_model_whatever_the_addresses(fleet):
    model = LocatedModel("small", "gguf", None, "", 0, "")
    keys = set()
    for servers in (fleet, fleet[:2], fleet[2:]):
        voter = open_voter(replace(CONFIG, server=settings(servers)), model)
        assert isinstance(voter, FleetVoter) == (len(servers) > 1)
        keys.add(voter.key)
        voter.close()
    assert len(keys) == 1


def test_addresses_are_checked_and_named():
    config = load_config("embedded", ["reranker.backend=none", "describe.model=''"])
    server = ServerConfig("http://a:1", more_urls=("http://b:2/v1", "http://c:3"))
    voter = replace(CONFIG, server=server)
    models = locate_models(replace(config, voters=(voter,)), use_llm=True)
    ((_, model),) = models.voters
    assert model.source == "served by http://a:1/v1, http://b:2/v1, http://c:3/v1"
    for more, said in (
        ("http://a:1/v1/", "server.more_urls names http://a:1/v1 twice"),
        ("http://me:secret@b", "holds a password"),
        ("b:2", "'b:2' is no URL"),
    ):
        with pytest.raises(ConfigError, match=said) as raised:
            FleetVoter(CONFIG, replace(server, more_urls=(more,)), "small")
        assert "secret" not in str(raised.value)
    twice = (voter, replace(voter, server=ServerConfig("http://d:4")))
    with pytest.raises(ConfigError, match=r"or name its address in server\.more_urls"):
        locate_models(replace(config, voters=twice), use_llm=True)


def test_a_profile_names_further_addresses_in_a_list():
    given = "voters.0.server={url: 'http://a:1', more_urls: ['http://b:2']}"
    server = load_config("embedded", [given]).voters[0].server
    assert server.more_urls == ("http://b:2",)
