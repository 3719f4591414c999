import csv
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import voters
from results_file import append_record
from voters import (
    CANDIDATES,
    Measured,
    Question,
    configured,
    count_right,
    questions,
    read_lines,
    report,
)

from labelmend.configs.load import load_config
from labelmend.data.duplicates import text_key
from labelmend.llm.types import Ballot, Vote
from labelmend.types import LabelCard

DEMO = Path(__file__).parents[2] / "labelmend" / "data" / "demo"


CHANNEL = Measured(
    model="smollm2",
    ballot="channel",
    rows=300,
    seed=0,
    described=True,
    exemplars=8,
    cast=222,
    right=231,
    failures=0,
    tokens=36_000,
    prefixes=6_000,
    seconds=120.0,
    ratio=3.14,
    share=0.912,
    scored=0.984,
    code="abc",
)
CHOICE = replace(
    CHANNEL,
    model="qwen-0.5b",
    ballot="choice",
    cast=93,
    right=90,
    failures=3,
    tokens=60_000,
    prefixes=0,
    seconds=600.0,
    ratio=None,
    share=None,
    scored=None,
)


def test_the_table_has_rates_by_row_and_second():
    assert CHANNEL.accuracy == pytest.approx(77.0)
    text = report([CHANNEL, CHOICE], "command")
    lines = text.splitlines()
    assert lines[-2] == (
        "| SmolLM2-135M-Instruct Q4_1 | channel | 300 | 8 | 74.0 % | 77.0 % | 75 % | 0 | 120 | 100 "
        "| 0.40 | 300 | 3.1 x | 91 % | 98 % |"
    )
    assert lines[-1] == (
        "| Qwen2.5-Coder-0.5B-Instruct Q4_K_M | choice | 300 | 8 | 31.0 % | 30.0 % |  | 3 | 200 |  "
        "| 2.00 | 100 |  |  |  |"
    )
    assert len({line.count("|") for line in lines[-4:]}) == 1
    assert "`command`" in text
    assert "with the reference's descriptions" in text


def test_a_later_line_of_the_same_measurement_counts(tmp_path):
    path = tmp_path / "results.jsonl"
    for line in (CHANNEL, CHOICE, replace(CHANNEL, right=240)):
        append_record(path, asdict(line))
    assert read_lines(path) == {CHANNEL.key: replace(CHANNEL, right=240), CHOICE.key: CHOICE}


def test_each_ballot_has_the_settings_of_the_profile_made_for_it():
    channel, choice = configured("channel", None), configured("choice", None)
    assert (channel.ballot, choice.ballot) == ("channel", "choice")
    assert channel.exemplars > choice.exemplars > 0
    assert channel.candidates == choice.candidates == CANDIDATES
    assert channel.gpu_layers == choice.gpu_layers == 0
    assert configured("choice", 5).exemplars == 5


def test_a_liking_for_one_label_is_taken_out_before_votes_are_counted():
    cards = tuple(LabelCard(name, "", (), "name") for name in "abcd")
    asked = [Question(Ballot("x", cards), truth) for truth in [0, 1, 2, 3] * 25]
    # The text tells its label by 3 nats; d is liked by 3.5 whatever the text.
    told = [tuple(3.0 * (i == q.truth) + 3.5 * (i == 3) for i in range(4)) for q in asked]
    votes = [Vote(scores) for scores in told]
    assert count_right(asked, votes) == (25, 100)
    # What failed is not right: the last one is.
    assert count_right(asked, [*votes[:-1], Vote(None, "no answer")]) == (24, 99)


@pytest.fixture
def few_rows(tmp_path, monkeypatch, bge_small):
    """Twelve rows of each of the demo's labels in CLINC150's place; the encoder without torch."""
    train = [
        row
        for label in sorted({r["label"] for r in demo("train_gold")})
        for row in [r for r in demo("train_gold") if r["label"] == label][:12]
    ]
    copies = [{**row, "text": f"  {row['text'].upper()} "} for row in train[::9]]
    for name, rows in (("train", train), ("validation", [*demo("test")[:60], *copies])):
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "label"])
            writer.writeheader()
            writer.writerows(rows)
    config = load_config()
    light = replace(config, encoders=config.encoders[1:])
    monkeypatch.setattr(voters, "CLINC", tmp_path)
    monkeypatch.setattr(voters, "load_config", lambda: light)
    return {text_key(row["text"]) for row in train}


def demo(name):
    with (DEMO / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_questions_are_on_rows_that_no_card_shows(few_rows):
    asked = questions(20, seed=3, exemplars=5)
    assert len({question.ballot.text for question in asked}) == 20
    label_of = {row["text"]: row["label"] for row in demo("test")}
    for question in asked:
        cards = question.ballot.candidates
        assert len(cards) == len({card.label for card in cards}) == CANDIDATES
        assert all(card.label != voters.OOS for card in cards)
        # Neither a row that is trained on nor a copy of one is asked about.
        assert text_key(question.ballot.text) not in few_rows
        shown = {text_key(exemplar) for card in cards for exemplar in card.exemplars}
        assert shown <= few_rows
        assert all(len(card.exemplars) == 5 for card in cards)
        labels = [card.label for card in cards]
        truth = label_of[question.ballot.text]
        assert question.truth == (labels.index(truth) if truth in labels else -1)
    # Retrieval finds nearly all, and most at once.
    assert sum(question.truth >= 0 for question in asked) >= 19
    assert sum(question.truth == 0 for question in asked) >= 12
    assert [q.ballot for q in questions(20, seed=3, exemplars=5)] == [q.ballot for q in asked]
