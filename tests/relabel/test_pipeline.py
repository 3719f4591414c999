"""The main job on real small models, with a few dozen rows of the demo data."""

import csv
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from labelmend.configs.load import load_config
from labelmend.errors import ConfigError
from labelmend.llm.store import Store
from labelmend.llm.types import Vote
from labelmend.relabel import pipeline
from labelmend.relabel.evidence import voter
from labelmend.relabel.evidence.reranker import label_passage
from labelmend.relabel.labelmodel.decisions import decide
from labelmend.relabel.pipeline import relabel
from labelmend.relabel.run_models import locate_models
from labelmend.runs.parts import InputColumns, RunInput
from labelmend.runs.record import RunRecord
from labelmend.types import NO_LABEL, Dataset, LabelCard

LABELS = ("card_lost", "exchange_rate", "login_problem", "oos", "statement_download")
SETTINGS = ("routing.audit_rows=6", "routing.llm_rows=6", "reranker.max_rows=24")
CONFIG = load_config("embedded", SETTINGS)


def demo_rows():
    text = resources.files("labelmend.data.demo").joinpath("train_gold.csv").read_text("utf-8")
    rows = [r for r in csv.DictReader(text.splitlines()) if r["label"] in LABELS]
    return [(r["text"], LABELS.index(r["label"])) for r in rows]


def dataset_of(rows, given, ids=None):
    names = tuple(ids or (str(i) for i in range(len(rows))))
    return Dataset(names, tuple(t for t, _ in rows), np.array(given), LABELS, LABELS.index("oos"))


@pytest.fixture(scope="module")
def noisy():
    """All rows of five labels, every eighth with a wrong label."""
    rows = demo_rows()
    truth = np.array([label for _, label in rows])
    wrong = np.arange(len(rows)) % 8 == 0
    given = np.where(wrong, (truth + 1 + np.arange(len(rows)) // 8 % 4) % 5, truth)
    return rows, truth, given


@pytest.fixture(scope="module")
def models(encoders):
    assert [m.name for m in encoders] == [e.model for e in CONFIG.encoders]
    return locate_models(CONFIG, use_llm=False)


@pytest.fixture(scope="module")
def mended(noisy, models):
    rows, _, given = noisy
    return relabel(dataset_of(rows, given), CONFIG, models)


def test_it_mends_most_and_breaks_next_to_nothing(noisy, mended):
    _, truth, given = noisy
    after = mended.decisions.mended
    bad, good = given != truth, given == truth
    assert (mended.decisions.proposed == truth)[bad].mean() > 0.75
    assert (after == truth)[bad].mean() > 0.3
    assert (after != truth)[good].mean() < 0.01
    assert abs(mended.posterior.channel.keep_rate - good.mean()) < 0.03


def test_every_row_gets_a_decision(mended):
    n = len(mended.dataset)
    actions = mended.decisions.actions
    assert len(actions) == n
    assert set(actions) <= {"keep", "change", "review"}
    changed = np.array([a == "change" for a in actions])
    assert np.array_equal(mended.decisions.mended != mended.dataset.given, changed)
    assert sorted(mended.decisions.review_order.tolist()) == list(range(n))
    quality = mended.decisions.quality[mended.decisions.review_order]
    assert (np.diff(quality) >= 0).all()


def test_what_the_table_leaves_open(noisy, mended):
    _, truth, given = noisy
    interval = mended.interval
    assert interval.low <= (given != truth).mean() <= interval.high
    assert interval.high - interval.low < 0.3
    assert not interval.weak
    assert interval.agreement == pytest.approx((given == truth).mean(), abs=0.1)


def test_the_order_of_rows_changes_nothing(noisy, models, mended):
    rows, _, given = noisy
    order = np.random.default_rng(3).permutation(len(rows))
    shuffled = relabel(
        dataset_of([rows[i] for i in order], given[order], [str(i) for i in order]), CONFIG, models
    )
    back = np.argsort(order)
    assert np.array_equal(shuffled.decisions.mended[back], mended.decisions.mended)
    assert np.array_equal(shuffled.decisions.quality[back], mended.decisions.quality)
    assert [shuffled.decisions.actions[i] for i in back] == list(mended.decisions.actions)


def test_rows_without_a_label_get_one(noisy, models):
    rows, truth, given = noisy
    empty = np.arange(len(rows)) % 20 == 1
    result = relabel(dataset_of(rows, np.where(empty, NO_LABEL, given)), CONFIG, models)
    actions = np.array(result.decisions.actions)
    assert set(actions[empty]) <= {"label", "review"}
    assert not (set(actions[~empty]) & {"label"})
    labelled = empty & (actions == "label")
    assert labelled.sum() >= 0.8 * empty.sum()
    assert (result.decisions.mended == truth)[labelled].mean() > 0.85
    assert (result.decisions.mended[empty & (actions == "review")] == NO_LABEL).all()
    assert np.isnan(result.decisions.quality[empty]).all()


def test_copies_of_a_text_share_their_fate(noisy, models):
    rows, truth, given = noisy
    row = int(np.flatnonzero((truth == 0) & (given == 0))[0])
    copies = [(rows[row][0].upper(), 0), (f"  {rows[row][0]}", 0)]
    wrong = [*given, 1, 0]
    result = relabel(dataset_of([*rows, *copies], wrong), CONFIG, models)
    assert result.decisions.mended[[row, -2, -1]].tolist() == [0, 0, 0]
    assert len(result.unique) == len(set(result.unique.of_row))
    assert result.unique.of_row[row] == result.unique.of_row[-1] == result.unique.of_row[-2]


def test_a_described_label_without_rows_is_a_candidate(noisy, models):
    rows, _, given = noisy
    labels = (*LABELS, "zz_new_label")
    base = dataset_of(rows, given)
    card = LabelCard(
        "zz_new_label", "The user asks for a mortgage.", ("can i get a mortgage",), "user"
    )
    result = relabel(replace(base, labels=labels), CONFIG, models, written={"zz_new_label": card})
    assert (result.posterior.candidates == 5).any(axis=1).all()
    assert result.cards[5] == card
    # One label more among the rivals, and still nothing is given to it for nothing.
    assert (result.decisions.mended == 5).mean() < 0.02


def test_the_whole_job_with_the_llm_resumes_from_its_store(
    noisy, encoders, smollm2, small_llm, tmp_path
):
    rows, _, given = noisy
    some = slice(0, 80)
    data = dataset_of(rows[some], given[some])
    with_llm = locate_models(CONFIG, use_llm=True)
    assert with_llm.describer == smollm2
    with_llm = replace(with_llm, describer=small_llm, voters=((CONFIG.voters[0], small_llm),))
    with Store(tmp_path / "votes.sqlite") as store:
        first = relabel(data, CONFIG, with_llm, store=store)
    with Store(tmp_path / "votes.sqlite") as store:
        second = relabel(data, CONFIG, with_llm, store=store)
    (report,), (again,) = first.voters, second.voters
    assert report.remembered == 0
    assert 6 <= report.asked == again.remembered <= 12
    assert not report.failures
    assert first.routed.sum() == report.asked
    assert np.array_equal(first.posterior.probabilities, second.posterior.probabilities)
    assert first.cards == second.cards
    assert {"classifier", "lexical", "reranker", smollm2.name} <= set(first.posterior.weights)
    votes = next(e.scores for e in first.evidence if e.source == smollm2.name)
    assert (~np.isnan(votes)).any(axis=1).sum() == report.asked
    assert not np.isinf(votes).any()


class Fond:
    """Gives one label 2 nats more than the others, whatever the text."""

    together, tokens = 4, 0

    def __init__(self, config, model):
        self.name, self.key = model.name, f"fond {model.name}"

    def vote(self, ballots):
        return [
            Vote(tuple(2.0 * (card.label == "card_lost") for card in ballot.candidates))
            for ballot in ballots
        ]

    def close(self):
        pass


def test_a_label_that_a_voter_is_fond_of_gains_little_by_it(
    voted, few_models, smollm2, monkeypatch
):
    monkeypatch.setattr(voter, "open_voter", Fond)
    rows, _, given, _ = voted
    settings = ["reranker.backend=none", "routing.audit_rows=80", "routing.llm_rows=-1"]
    config = load_config("embedded", [*settings, "routing.cut_below=0", "voters.0.candidates=4"])
    models = replace(few_models, voters=((config.voters[0], smollm2),))
    with Store(None) as store:
        result = relabel(dataset_of(rows, given), config, models, store=store)
        (report,) = result.voters
        assert store.count() == report.asked > 80
    (votes,) = (e.scores for e in result.evidence if e.source == smollm2.name)
    heard = ~np.isnan(votes)
    fond = heard & (result.posterior.candidates == LABELS.index("card_lost"))
    # One number a label comes off, learned on the audit alone: in half of its texts or more the
    # label is among the wrong ones, and stands about 2 * 2/3 nats above their mean.
    (favour,) = np.unique(votes[fond].round(5))
    assert 2 - 4 / 3 < favour < 2 - 0.6
    assert np.abs(votes[heard & ~fond]).max() < 0.7
    # Nothing but the label speaks from it, so it is hardly heard.
    assert result.posterior.weights[smollm2.name] * favour < 0.5


def test_the_reference_profile_lets_the_majority_win(noisy, encoders):
    rows, _, given = noisy
    overrides = [
        "encoders.0.model=all-MiniLM-L6-v2",
        "encoders.0.max_tokens=128",
        "reranker.backend=onnx",
        "reranker.model=ms-marco-MiniLM-L-12-v2",
        "reranker.candidates=3",
        "voters=[]",
    ]
    config = load_config("sirius", overrides)
    models = locate_models(config, use_llm=False)
    result = relabel(dataset_of(rows[:60], given[:60]), config, models)
    # Without voters nobody overrules the annotator, but the oos threshold still acts.
    changed = result.decisions.mended != given[:60]
    assert (result.decisions.mended[changed] == LABELS.index("oos")).all()


class Heard:
    """Remembers the stages, and the steps that each was said to have and had."""

    def __init__(self):
        self.stages = []

    def start(self, stage, total):
        self.stages.append([stage, total, 0])

    def advance(self, steps=1):
        self.stages[-1][2] += steps


def test_a_self_test_that_keeps_the_budget_changes_nothing(noisy, models, mended):
    rows, _, given = noisy
    heard = Heard()
    result = relabel(
        dataset_of(rows, given), CONFIG, models, progress=heard, self_test=True, self_test_runs=2
    )
    test = result.self_test
    assert (test.runs, test.factor, test.withdrawn) == (2, 1.0, 0)
    assert test.harm.rate <= test.budget == CONFIG.decision.max_harm
    # An eighth of the labels are wrong; most errors of the learned kind can be found, and many
    # fixed, and of those on hard texts fewer.
    assert test.estimated_rate == pytest.approx(1 / 8, abs=0.03)
    assert test.injected_rate == pytest.approx(test.estimated_rate, abs=0.04)
    assert test.detection.rate > 0.5
    assert test.recovery.rate > 0.3
    easy = test.recovery.total - test.hard.total
    assert (test.recovery.count - test.hard.count) / easy > 0.6
    assert 0.2 < test.hard.total / test.recovery.total < 0.7
    assert test.recovery.total + test.harm.total == 2 * sum(
        action in {"keep", "change"} for action in mended.decisions.actions
    )
    assert result.decisions.actions == mended.decisions.actions
    assert np.array_equal(result.decisions.mended, mended.decisions.mended)
    assert np.array_equal(result.posterior.probabilities, mended.posterior.probabilities)
    assert test.verdict not in result.notes
    assert mended.self_test is None
    # Its own mending is its own time, not that of the run's stages.
    assert result.seconds["self-test"] > 0.05
    stages = [stage for stage, _, _ in heard.stages]
    assert stages[-4:] == ["self-test: candidates", "self-test: rounds"] * 2
    assert all(done == total for stage, total, done in heard.stages if stage.endswith("candidates"))


def test_a_self_test_beyond_the_budget_tightens_it(noisy, models, mended, monkeypatch):
    rows, _, given = noisy
    data = dataset_of(rows, given)
    real = pipeline.measure
    monkeypatch.setattr(pipeline, "measure", lambda *a: replace(real(*a), factor=0.25))
    result = relabel(data, CONFIG, models, self_test=True)
    quarter = replace(CONFIG.decision, max_harm=CONFIG.decision.max_harm / 4)
    expected = decide(
        *(data, result.unique.of_row, result.posterior, quarter), interval=result.interval
    )
    assert result.decisions.actions == expected.actions
    changes = [d.actions.count("change") for d in (mended.decisions, expected)]
    assert changes[0] - changes[1] == result.self_test.withdrawn > 0
    assert result.self_test.verdict in result.notes
    assert "tightened to spend 25.0% of the budget" in result.self_test.verdict


def test_the_notes_of_the_cache_come_out(noisy, models, monkeypatch):
    rows, _, given = noisy
    monkeypatch.setattr(pipeline.TextSpace, "notes", ("nothing is kept",))
    notes = relabel(dataset_of(rows[:40], given[:40]), CONFIG, models).notes
    assert notes[0] == "nothing is kept"
    # Of so few rows the evidence knows little, and says so.
    assert ["evidence is too weak" in note for note in notes[1:]] == [True]


def test_a_majority_has_no_budget_to_test(noisy, models):
    rows, _, given = noisy
    config = replace(CONFIG, fusion=replace(CONFIG.fusion, method="majority"))
    with pytest.raises(ConfigError, match=r"leave --self-test out, or set fusion\.method="):
        relabel(dataset_of(rows, given), config, models, self_test=True)


def test_a_label_passage_is_its_description_or_its_other_exemplars():
    plain = LabelCard("card_lost", "", ("lost it", "Where is it?", "gone"), "name")
    assert label_passage(plain, "LOST it") == "card lost: Where is it? / gone"
    described = replace(plain, description="The user lost the card.")
    assert label_passage(described, "x") == "card lost: The user lost the card."
    assert label_passage(replace(plain, exemplars=()), "x") == "card lost"


# Recorded votes.

PLAIN = load_config("embedded", ["reranker.backend=none"])
SOURCE = RunInput(
    path="x.csv",
    sha256="ab" * 32,
    rows=1,
    texts=1,
    columns=InputColumns(text="text", label="label", id=None, votes=()),
)


@pytest.fixture(scope="module")
def few_models(encoders):
    """Encoders alone."""
    return locate_models(PLAIN, use_llm=False)


@pytest.fixture(scope="module")
def voted():
    """Two labels of five wrong; on 70% of the rows an expert who is mostly right, and a die."""
    rows = demo_rows()
    truth, count = np.array([label for _, label in rows]), len(rows)
    draw = [np.random.default_rng([2, i]) for i in range(4)]
    wrong = draw[1].random(count) < 0.4
    given = np.where(wrong, (truth + draw[1].integers(1, 5, count)) % 5, truth)
    expert = np.where(draw[3].random(count) < 0.95, truth, draw[3].integers(0, 5, count))
    dice = draw[2].integers(0, 5, count)
    blank = draw[2].random(count) < 0.3
    votes = {
        "expert": np.where(blank, NO_LABEL, expert),
        "dice": np.where(blank, NO_LABEL, dice),
    }
    return rows, truth, given, votes


@pytest.fixture(scope="module")
def with_votes(voted, few_models):
    rows, _, given, votes = voted
    return relabel(dataset_of(rows, given), PLAIN, few_models, votes=votes)


def test_good_votes_mend_more_and_random_ones_are_not_heard(voted, few_models, with_votes):
    rows, truth, given, votes = voted
    weights = with_votes.posterior.weights
    assert weights["votes: expert"] > 1
    assert weights["votes: expert"] > 4 * weights["votes: dice"]
    plain = relabel(dataset_of(rows, given), PLAIN, few_models)
    heard = votes["expert"] != NO_LABEL
    right = [(r.decisions.proposed == truth) for r in (plain, with_votes)]
    assert right[1].mean() > right[0].mean() + 0.01
    assert right[1][heard].mean() > 0.97
    good = given == truth
    assert (with_votes.decisions.mended != truth)[good].mean() < 0.01
    assert "votes: expert" not in plain.posterior.weights


def test_votes_are_evidence_as_they_were_cast(voted, with_votes):
    votes = voted[3]["expert"]
    (said,) = (e for e in with_votes.evidence if e.source == "votes: expert")
    by_text = {}
    for text, vote in zip(with_votes.unique.of_row, votes, strict=True):
        by_text.setdefault(int(text), []).extend([int(vote)] * int(vote != NO_LABEL))
    labels = with_votes.posterior.candidates
    for text, cast in by_text.items():
        if not cast:
            assert np.isnan(said.scores[text]).all()
            continue
        shares = [cast.count(int(label)) / len(cast) for label in labels[text]]
        assert said.scores[text] == pytest.approx(np.array(shares))
    silent = np.isnan(said.scores).all(axis=1)
    assert 0.2 < silent.mean() < 0.4


def test_votes_on_copies_of_a_text_are_shared_out(noisy, few_models):
    rows, _, given = noisy
    rows, given = rows[:60], given[:60]
    copies = [(rows[0][0].upper(), 0), (f"  {rows[0][0]}", 0), (f"{rows[0][0]} ", 0)]
    votes = np.full(63, NO_LABEL)
    votes[[0, 60, 61]] = [1, 1, 4]  # and nothing of the last copy
    data = dataset_of([*rows, *copies], [*given, 0, 0, 0])
    result = relabel(data, PLAIN, few_models, votes={"me": votes})
    (said,) = (e for e in result.evidence if e.source == "votes: me")
    text = result.unique.of_row[0]
    by_label = dict(zip(result.posterior.candidates[text].tolist(), said.scores[text], strict=True))
    assert by_label[1] == pytest.approx(2 / 3)
    assert by_label[4] == pytest.approx(1 / 3)
    assert np.isnan(np.delete(said.scores, text, axis=0)).all()


def test_without_any_vote_a_voter_changes_nothing(noisy, few_models):
    rows, _, given = noisy
    data = dataset_of(rows[:80], given[:80])
    plain = relabel(data, PLAIN, few_models)
    mute = relabel(data, PLAIN, few_models, votes={"mute": np.full(80, NO_LABEL)})
    # One weight more lets the search for all of them end a little elsewhere.
    assert mute.posterior.probabilities == pytest.approx(plain.posterior.probabilities, abs=0.03)
    assert mute.decisions.actions == plain.decisions.actions


def test_a_voter_named_like_a_source_is_one_of_its_own(noisy, few_models):
    rows, truth, given = noisy
    data = dataset_of(rows, given)
    weights = [
        relabel(data, PLAIN, few_models, votes={name: truth}).posterior.weights
        for name in ("me", "classifier")
    ]
    assert len(weights[0]) == len(weights[1])


# Tables that can't be trusted.


def test_labels_at_random_change_nothing(noisy, few_models):
    rows, truth, _ = noisy
    some = np.arange(len(rows)) % 9 < 4
    rows, truth = [row for row, kept in zip(rows, some, strict=True) if kept], truth[some]
    assert 190 < len(rows) < 215
    shuffled = np.random.default_rng(5).permutation(truth)
    shuffled[:3] = NO_LABEL
    # A self-test would have nothing to test.
    result = relabel(dataset_of(rows, shuffled), PLAIN, few_models, self_test=True)
    assert np.array_equal(result.decisions.mended, shuffled)
    assert result.decisions.actions == ("review",) * 3 + ("keep",) * (len(rows) - 3)
    assert result.decisions.expected_harm == 0
    assert result.self_test is None
    (note,) = result.notes
    assert note.startswith("The given labels can't be told from chance: ")
    assert note.endswith(" Nothing was changed.")
    advice = RunRecord.of(result, PLAIN, {}, SOURCE, result.notes).advice
    assert advice.trust.trusted is False
    assert advice.trust.reason == note
    assert (advice.merge, advice.mostly_wrong) == ((), ())


def test_good_labels_are_trusted_without_a_word(mended):
    assert mended.notes == ()
    trust = RunRecord.of(mended, CONFIG, {}, SOURCE, ()).advice.trust
    assert trust.trusted is True
    assert 0.5 < trust.agreement < 1


def test_what_all_others_say_against_a_label_is_never_kept_in_silence(noisy, models):
    rows, truth, given = noisy
    rng = np.random.default_rng(5)
    votes = {}
    for name in ("ann", "bob"):
        slips = rng.random(len(truth)) < 0.2
        other = (truth + rng.integers(1, len(LABELS), len(truth))) % len(LABELS)
        votes[name] = np.where(slips, other, truth)
    data = dataset_of(rows, given)
    without, with_them = (relabel(data, CONFIG, models, votes=v) for v in (None, votes))
    disputed = (votes["ann"] == votes["bob"]) & (votes["ann"] != given)
    actions = np.array(with_them.decisions.actions)
    assert disputed.sum() > 10
    assert set(actions[disputed]) <= {"change", "review"}
    reviewed = np.flatnonzero(disputed & (actions == "review"))
    assert (with_them.decisions.proposed[reviewed] == votes["ann"][reviewed]).all()
    right = [(r.decisions.mended == truth).sum() for r in (without, with_them)]
    assert right[1] > right[0]
    # Others' words are no reason to think the labels cleaner.
    assert with_them.posterior.channel == without.posterior.channel
