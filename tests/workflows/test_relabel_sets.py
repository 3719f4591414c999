"""Tables with several labels a row, files in and files out, by a real encoder."""

import csv
import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labelmend.audit.mended import read_mended
from labelmend.cli.app import app
from labelmend.configs.load import load_config
from labelmend.data.answer_file import append_answers
from labelmend.data.answers import Answer, Saw, Shown, text_sha256
from labelmend.data.cells.read import LabelRules
from labelmend.data.request import TableRequest
from labelmend.errors import ColumnError, ConfigError, InputError
from labelmend.protocols import NoProgress
from labelmend.relabel.run_models import with_voters
from labelmend.retrieval.tuned import with_embedder
from labelmend.runs.again import named_labels
from labelmend.runs.sets.record import SetRunRecord
from labelmend.workflows.relabel_sets import refuse_for_sets, relabel_sets_file

WHAT = {"money": ("my credit card", "the bank card"), "pet": ("our old dog", "the black cat")}
DONE = {"lost": ("is lost", "was lost on the bus"), "stolen": ("was stolen", "was robbed from me")}
WHERE = ("in town", "yesterday", "this morning", "at the station", "on holiday", "today", "at home")


def sentences():
    """Texts with their two labels."""
    for (what, names), (done, verbs) in product(WHAT.items(), DONE.items()):
        for name, verb, where in product(names, verbs, WHERE):
            yield f"{name} {verb} {where}", (what, done)


ROWS = list(sentences())
FORGOTTEN, ADDED = 40, 90
"""Rows that lack a label, and have one too many."""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "tags"])
        for row, (text, labels) in enumerate(ROWS):
            given = list(labels)
            if row == FORGOTTEN:
                given = given[:1]
            if row == ADDED:
                given.append("pet" if "money" in given else "money")
            writer.writerow([text, ";".join(given)])
    return path


@pytest.fixture(scope="module")
def config():
    loose = load_config("embedded", ["decision.max_harm=0.02"])
    return with_embedder(loose, "use-multilingual-v3")


def asked(path, **more):
    # In each pair the same one of two labels comes first, so that the sign has to be named.
    return TableRequest(path, rules=LabelRules(";"), **more)


def mended(request, output, config, **more):
    return relabel_sets_file(request, output, config, NoProgress(), **more)


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_is_mended_in_its_own_shape(table, config, tmp_path):
    outcome = mended(asked(table), tmp_path / "m.csv", config)
    rows = read(tmp_path / "m.csv")
    assert [row["text"] for row in rows] == [text for text, _ in ROWS]
    before = read(table)
    assert [row["tags"] for row in rows] == [row["tags"] for row in before]
    forgotten, added = rows[FORGOTTEN], rows[ADDED]
    assert set(forgotten["mended_labels"].split(";")) == set(ROWS[FORGOTTEN][1])
    assert (forgotten["added"], forgotten["decision"]) == (ROWS[FORGOTTEN][1][1], "change")
    assert forgotten["reason"].startswith(f"Added {ROWS[FORGOTTEN][1][1]}: ")
    assert set(added["mended_labels"].split(";")) == set(ROWS[ADDED][1])
    assert float(added["label_quality"]) < 0.3 < 0.7 < float(added["confidence"])
    kept = [row for row in rows if row["decision"] == "keep"]
    assert len(kept) > 100
    assert all(row["mended_labels"] == row["tags"] for row in kept)
    assert outcome.result.review_order.shape == (len(ROWS),)


def test_evidence_and_record(table, config, tmp_path):
    outcome = mended(asked(table), tmp_path / "m.csv", config)
    lines = [json.loads(line) for line in (tmp_path / "m.evidence.jsonl").open()]
    assert [line["row"] for line in lines] == list(range(1, len(ROWS) + 1))
    line = lines[FORGOTTEN]
    assert line["added"] == [ROWS[FORGOTTEN][1][1]]
    assert {label["label"] for label in line["labels"]} >= set(ROWS[FORGOTTEN][1])
    assert len(line["neighbours"]) == 5
    record = json.loads((tmp_path / "m.run.json").read_text())
    assert record["task"] == "several"
    assert record["counts"] == {d: outcome.result.decisions.count(d) for d in record["counts"]}
    assert record["assignments"]["added"] == int(outcome.result.changes.added.sum())
    assert record["labels"]["money"]["given"] == 1 + sum("money" in labels for _, labels in ROWS)
    assert len(record["review_order"]) == len(ROWS)


def test_columns_of_switches(table, config, tmp_path):
    path = tmp_path / "s.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "t_money", "t_pet", "t_lost", "t_stolen"])
        for text, labels in ROWS:
            writer.writerow([text, *(int(k in labels) for k in ("money", "pet", "lost", "stolen"))])
    mended(TableRequest(path, label_columns=("t_*",)), tmp_path / "m.csv", config)
    rows = read(tmp_path / "m.csv")
    assert {row["mended_t_money"] for row in rows} == {"0", "1"}
    assert "mended_labels" not in rows[0]
    cards = tmp_path / "cards.yaml"
    cards.write_text("t_pet: An animal.\nt_plant: Grows.\n")
    request = TableRequest(path, label_columns=("t_*",))
    with pytest.raises(InputError, match=r"has no column for 't_plant', which --labels describes"):
        mended(request, tmp_path / "n.csv", config, labels_file=cards)


def test_answers_settle_their_rows(table, config, tmp_path):
    text, labels = ROWS[0]
    answers = tmp_path / "a.jsonl"
    append_answers(
        answers,
        [
            Answer(
                text_sha256(text),
                "1",
                "label",
                ("stolen",),
                "ann",
                "2026-11-30T10:00:00Z",
                Shown("queue"),
                Saw(True, False),
                task="several",
            )
        ],
    )
    mended(asked(table), tmp_path / "m.csv", config, answers_file=answers)
    row = read(tmp_path / "m.csv")[0]
    assert (row["decision"], row["mended_labels"]) == ("answered", "stolen")
    assert set(row["removed"].split(";")) == set(labels)
    assert row["reason"] == "A person said: stolen."
    with pytest.raises(InputError, match=r"none\.jsonl"):
        mended(
            TableRequest(table), tmp_path / "n.csv", config, answers_file=tmp_path / "none.jsonl"
        )
    assert not (tmp_path / "n.csv").exists()


def test_what_means_nothing_here_is_refused():
    refuse_for_sets(labels=None, self_test=False, vote_column=[])
    with pytest.raises(ConfigError, match=r"^--vote-column and --self-test: not for tables"):
        refuse_for_sets(vote_column=["x"], self_test=True)


@pytest.fixture
def asking(config, small_llm):
    """The settings with a voter that reads ballots of letters, on few texts."""
    few = ["routing.llm_rows=4", "routing.audit_rows=4", "routing.llm_share=1"]
    loose = load_config("embedded", ["decision.max_harm=0.02", *few])
    return with_voters(with_embedder(loose, "use-multilingual-v3"), [f"choice:{small_llm.path}"])


def test_llms_vote_and_their_votes_are_kept(table, config, asking, tmp_path):
    output, cards = tmp_path / "m.csv", tmp_path / "cards.yaml"
    cards.write_text("lost: It can't be found.\nmoney: It is of a bank.\n")
    outcome = mended(asked(table), output, asking, labels_file=cards)
    (votes,) = outcome.result.votes
    # The profile's own voter is not asked where rows have several labels.
    assert votes.report.voter == "small"
    assert 4 <= votes.report.asked <= 8
    lines = [json.loads(line) for line in (tmp_path / "m.evidence.jsonl").open()]
    voted = [line for line in lines if line["votes"]]
    assert len(voted) == votes.report.asked
    assert all(0 < share <= 1 for share in voted[0]["votes"]["small"].values())
    record = json.loads((tmp_path / "m.run.json").read_text())
    (kept,) = record["voters"]
    assert (kept["voter"], kept["asked"]) == ("small", votes.report.asked)
    assert "voter small" in record["models"]
    assert named_labels(output, SetRunRecord.read(tmp_path / "m.run.json")) == cards
    before = output.read_bytes(), (tmp_path / "m.evidence.jsonl").read_bytes()
    again = mended(asked(table), output, asking, labels_file=cards)
    assert again.result.votes[0].report.remembered == votes.report.asked
    assert (output.read_bytes(), (tmp_path / "m.evidence.jsonl").read_bytes()) == before
    fresh = mended(asked(table), output, asking, labels_file=cards, fresh=True)
    assert fresh.result.votes[0].report.remembered == 0
    # Other cards are other ballots.
    plain = mended(asked(table), output, asking)
    assert plain.result.votes[0].report.remembered < votes.report.asked
    nobody = mended(asked(table), output, asking, use_llm=False)
    assert nobody.result.votes == ()
    assert json.loads((tmp_path / "m.run.json").read_text())["voters"] == []


def test_columns_of_ours_are_not_written_twice(table, config, tmp_path):
    mended(asked(table), tmp_path / "m.csv", config)
    again = asked(tmp_path / "m.csv", label_column="tags")
    with pytest.raises(ColumnError, match="already has 'mended_labels'"):
        mended(again, tmp_path / "n.csv", config)


SIGN = ("--label-separator", ";")


def test_the_command_asks_a_voter(table, small_llm, tmp_path):
    output = tmp_path / "m.csv"
    options = ("--embedder", "use-multilingual-v3", "--voter", f"choice:{small_llm.path}")
    budget = ("--llm-budget", "3", "--set", "routing.audit_rows=3")
    plan = run("relabel", table, "-o", output, *SIGN, *options, *budget, "--dry-run")
    assert plan.exit_code == 0, plan.output
    said = " ".join(plan.output.split())
    assert re.search(r"reach the voters about [3-6] texts.*time: vote small.*tokens: small", said)
    assert not list(tmp_path.glob("m.*"))
    done = run("relabel", table, "-o", output, *SIGN, *options, *budget)
    assert done.exit_code == 0, done.output
    assert re.search(r"small: [3-6] texts; agrees with", " ".join(done.output.split()))
    assert (tmp_path / "m.votes.sqlite").exists()
    lines = [json.loads(line) for line in (tmp_path / "m.evidence.jsonl").open()]
    row = next(line["row"] for line in lines if line["votes"])
    assert "Vote of small: " in run("explain", output, "--row", row).output


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_knows_such_tables(table, tmp_path):
    output = tmp_path / "m.csv"
    plan = run("relabel", table, "-o", output, *SIGN, "--dry-run")
    assert plan.exit_code == 0, plan.output
    assert "4, 224 given in all" in " ".join(plan.output.split())
    assert re.search(
        r"time: embed +\d.*time: believe +\d.*time in all +about \d", plan.output, re.S
    )
    assert not output.exists()
    for wrong in ("--self-test", "--llm-budget=20"):
        refused = run("relabel", table, "-o", output, *SIGN, wrong)
        assert isinstance(refused.exception, ConfigError), wrong
        assert wrong.partition("=")[0] in str(refused.exception)
    assert not output.exists()
    options = ("--embedder", "use-multilingual-v3", "--max-harm", "2%")
    done = run("relabel", table, "-o", output, *SIGN, *options)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "Labels: 224 given, 1 added, 1 taken away." in said
    assert "as far as the table itself can tell" in said
    with pytest.raises(InputError, match="rows have several labels"):
        read_mended(TableRequest(output))
    shown = " ".join(run("explain", output, "--row", FORGOTTEN + 1).output.split())
    assert "change: money -> money, stolen Added stolen: " in shown
    assert 'Near: "' in shown
    line = json.loads(run("explain", output, "--row", 1, "--json").output)
    assert line["given"] == ["lost", "money"]


def test_nothing_depends_on_the_order_of_rows(table, config, tmp_path):
    lines = table.read_text().splitlines(keepends=True)
    order = np.random.default_rng(0).permutation(len(ROWS))
    mixed = Path(tmp_path / "mixed.csv")
    mixed.write_text(lines[0] + "".join(lines[1 + i] for i in order))
    mended(asked(table), tmp_path / "m.csv", config)
    mended(asked(mixed), tmp_path / "n.csv", config)
    one, other = read(tmp_path / "m.csv"), read(tmp_path / "n.csv")
    assert other == [one[i] for i in order]
