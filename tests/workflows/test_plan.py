import time
from dataclasses import replace

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.configs.schema import ServerConfig
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError
from labelmend.llm.engine import LlamaEngine
from labelmend.prompts.render import channel_prefix
from labelmend.relabel.escalation.routing import route
from labelmend.relabel.evidence import classifier
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.run_models import locate_models
from labelmend.retrieval.encoders import cache
from labelmend.types import NO_LABEL, Dataset, LabelCard
from labelmend.workflows import plan
from labelmend.workflows.plan import make_plan, plan_file

NO_RERANKER = ["reranker.backend=none"]


def dataset(groups, given=None):
    texts = tuple(text for group in groups for text in group)
    labels = tuple("abcdefgh"[: len(groups)])
    own = [label for label, group in enumerate(groups) for _ in group]
    ids = tuple(map(str, range(1, len(texts) + 1)))
    return Dataset(ids, texts, np.array(given or own, dtype=np.int64), labels, None)


@pytest.fixture(scope="module")
def two_topics():
    card = [f"I lost my card {place}" for place in ("here", "there", "at home", "on a bus", "ab")]
    rain = [f"will it rain {day}" for day in ("today", "tomorrow", "on Monday", "now", "soon")]
    return [card, rain]


def test_a_plan_without_an_llm(two_topics, encoders):
    config = load_config("embedded", [*NO_RERANKER, "routing.audit_rows=3"])
    models = locate_models(config, use_llm=False)
    found = make_plan(dataset(two_topics), config, models)
    assert (found.rows, found.texts, found.labels, found.unlabelled) == (10, 10, 2, 0)
    assert found.doubtful == 0  # the two topics have no word in common
    assert found.voted == 0
    stages = ["embed", "neighbours", "describe", "index", "candidates", "rounds", "decide", "write"]
    assert list(found.seconds) == stages
    assert all(seconds > 0 for seconds in found.seconds.values())
    phases = {"bm25": "fixed", "description": "fixed", "neighbour": "round", "classifier": "round"}
    assert found.sources == {**phases, "lexical": "round"}
    assert found.memory_bytes > sum(model.size_bytes for model in encoders)
    assert found.available_bytes > 0


def test_duplicates_are_one_text_and_unlabelled_rows_are_counted(two_topics, encoders):
    config = load_config("embedded", NO_RERANKER)
    groups = [[*two_topics[0], two_topics[0][0].upper()], two_topics[1]]
    given = [0, 0, 0, 0, NO_LABEL, NO_LABEL, 1, 1, 1, 1, 1]
    found = make_plan(dataset(groups, given), config, locate_models(config, use_llm=False))
    assert (found.rows, found.texts, found.unlabelled) == (11, 10, 2)


def test_what_is_in_doubt_is_what_the_run_will_find(two_topics, encoders):
    config = load_config("embedded", NO_RERANKER)
    # Each topic has two wrong labels and two gaps.
    half = dataset(two_topics, [0, 0, 0, 1, 1, NO_LABEL, NO_LABEL, 1, 0, 0])
    models = locate_models(config, use_llm=False)
    found = make_plan(half, config, models)
    # The sample is the whole table here, so what is foreseen is what the run itself routes.
    routed = route(relabel(half, config, models).posterior, config.routing, config.seed)
    assert found.doubtful == len(routed.doubtful) > 0


def test_what_reaches_the_voters(two_topics, smollm2, encoders, monkeypatch):
    # Half of each topic carries the other's label: doubt enough.
    given = [0, 0, 1, 1, 1, 1, 1, 0, 0, 0]
    changes = ["routing.audit_rows=2", "routing.llm_rows=1", "routing.llm_share=0.3"]
    changes += ["describe.model=''"]
    config = load_config("embedded", [*NO_RERANKER, *changes])
    costs = plan.Cost(4.0, 70.0), plan.Cost(0.5, 30.0)
    monkeypatch.setattr(plan, "vote_cost", lambda *_: costs)
    found = make_plan(dataset(two_topics, given), config, locate_models(config, use_llm=True))
    # One of the doubtful texts and two of the audit, at four seconds each, and two prefixes.
    assert found.doubtful > 1
    assert found.voted == 3
    assert found.seconds[f"vote {smollm2.name}"] == 13.0
    assert found.tokens == {smollm2.name: 270}
    # All are in doubt: ten votes and two prefixes would take 41 seconds, a tenth of a minute is 6.
    changes += ["routing.llm_rows=-1", "routing.llm_minutes=0.1"]
    config = load_config("embedded", [*NO_RERANKER, *changes])
    found = make_plan(dataset(two_topics, given), config, locate_models(config, use_llm=True))
    assert found.seconds[f"vote {smollm2.name}"] == pytest.approx(6.0)
    assert found.tokens == {smollm2.name: round((10 * 70 + 2 * 30) * 6 / 41)}


def test_a_prefix_costs_what_the_first_vote_on_its_label_costs_more(smollm2):
    config = replace(load_config("embedded").voters[0], candidates=2, exemplars=1)
    long = "my card was swallowed by the machine at the airport, please block it"
    cards = [LabelCard(label, "", (f"{long} {label}",), "name") for label in "abcd"]
    texts = ["I lost it", "where is my card", "hello", "it is gone"]
    vote, prefix = plan.vote_cost(config, smollm2, cards, texts)
    engine = LlamaEngine(smollm2.path, context_tokens=512, batch_tokens=64, gpu_layers=0)
    try:
        sizes = [len(engine.tokenize(f" {text}")) for text in texts]
        own = [len(engine.tokenize(channel_prefix(c, c.exemplars), start=True)) for c in cards]
    finally:
        engine.close()
    # Two candidates; the first token is read off the prefix, the last is not decoded.
    assert vote.tokens == pytest.approx(2 * np.mean([size - 1 for size in sizes]))
    expected = np.mean(own[2:]) + (sizes[0] - 1) - vote.tokens / 2
    assert prefix.tokens == pytest.approx(expected)
    assert vote.seconds > 0
    assert prefix.seconds >= 0
    # Of three labels, the third one's prefix is what its vote costs more than half of one on two.
    _, third = plan.vote_cost(config, smollm2, cards[:3], texts)
    assert third.tokens == pytest.approx(own[2] + 1 * (sizes[0] - 1) - vote.tokens / 2)
    choice = replace(config, ballot="choice")
    assert plan.vote_cost(choice, smollm2, cards, texts)[1] == plan.Cost(0.0, 0.0)


def test_the_method_is_that_of_the_whole_table(two_topics, encoders, monkeypatch):
    made = []

    class Seen(classifier.Discriminant):
        def __init__(self, features, memberships, shrinkage):
            made.append(len(features))
            super().__init__(features, memberships, shrinkage)

    monkeypatch.setattr(classifier, "Discriminant", Seen)
    monkeypatch.setattr(plan, "_SAMPLE", 5)
    most = "evidence.classifier.options.max_scores"

    def plan_with(most_scores):
        changes = [*NO_RERANKER, "fusion.rounds=2", f"{most}={most_scores}"]
        config = load_config("embedded", changes)
        make_plan(dataset(two_topics), config, locate_models(config, use_llm=False))

    # Five of ten texts are mended: with two labels the sample has 10 scores, the table 20.
    plan_with(20)
    assert made == []
    plan_with(19)
    assert set(made) == {5}


@pytest.mark.parametrize("count", [1, 2])
def test_all_encoders_are_probed_and_nothing_is_cached(
    two_topics, encoders, tmp_path, monkeypatch, count
):
    monkeypatch.setenv("LABELMEND_HOME", str(tmp_path / "home"))
    read = []

    class Slow:
        def encode(self, texts):
            read.append(len(texts))
            time.sleep(0.05)
            return np.tile(np.array([[0.6, 0.8]], dtype=np.float32), (len(texts), 1))

        def encode_passages(self, texts):
            return np.tile(np.array([[0.6, 0.8]], dtype=np.float32), (len(texts), 1))

    monkeypatch.setattr(cache, "load_encoder", lambda config, folder: Slow())
    both = load_config("embedded", NO_RERANKER)
    config = replace(both, encoders=both.encoders[:count])
    models = locate_models(config, use_llm=False)
    assert list(models.all()) == ["encoder", "encoder2"][:count]
    assert make_plan(dataset(two_topics), config, models).seconds["embed"] >= 0.05 * count
    assert read == [10] * count
    assert not (tmp_path / "home").exists()


def test_a_plan_of_a_file_writes_nothing(tmp_path, two_topics, encoders):
    assert encoders
    table = tmp_path / "t.csv"
    rows = [
        f"{text},{label}" for label, group in zip("ab", two_topics, strict=True) for text in group
    ]
    table.write_text("\n".join(["text,label", *rows, "no idea,"]))
    config = load_config("embedded", NO_RERANKER)
    found, models, notes = plan_file(TableRequest(table), config, None, use_llm=False)
    assert (found.rows, found.labels, found.unlabelled) == (11, 2, 1)
    assert [m.name for m in models.encoders] == [e.model for e in config.encoders]
    assert notes[0] == "1 row has no label: labelled from scratch"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_plan_for_more_machines(two_topics, encoders):
    config = load_config("embedded", NO_RERANKER)
    models = locate_models(config, use_llm=False)
    found = make_plan(dataset(two_topics), config, models, machines=[1, 10], table_bytes=1000)
    whole = sum(found.seconds.values())
    one, ten = found.clusters
    assert (one.machines, ten.machines) == (1, 10)
    assert one.seconds == pytest.approx(whole)
    # Ten texts are one block: nothing of the encoding can be shared, and only folds are more.
    serial = ("embed", "describe", "index", "decide", "write")
    assert sum(found.seconds[stage] for stage in serial) < ten.seconds < whole
    assert one.node_bytes == found.memory_bytes
    # Of ten texts, 384 + 512 numbers each are kept.
    assert found.disk_bytes > 1000 + 10 * (384 + 512) * 4
    assert [note for note in found.notes if "like this one" in note]
    assert make_plan(dataset(two_topics), config, models).clusters == ()


def test_votes_are_shared_where_the_model_is_not_on_a_server():
    voter = load_config("embedded").voters[0]
    here = plan._votes(100.0, 64, voter)
    assert here.on(2, 8) == pytest.approx(50.0)  # four blocks of 16 ballots
    asked = replace(voter, server=ServerConfig("http://127.0.0.1:1/v1"))
    assert plan._votes(100.0, 64, asked).on(2, 8) == 100.0


def test_columns_in_the_way_are_found_before_any_model(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "locate_models", None)
    table = tmp_path / "t.csv"
    table.write_text("text,label,mended_label\nhello,a,a\nlost,b,b\n")
    with pytest.raises(ColumnError, match="mended_label"):
        plan_file(TableRequest(table), load_config("embedded"), None, use_llm=False)
