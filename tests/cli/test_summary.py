from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.sparse import csr_array

from labelmend.cli import summary
from labelmend.cli.summary import (
    _advice,
    _print_self_test,
    print_score,
    print_summary,
    size_in_words,
    time_in_words,
    voter_in_words,
)
from labelmend.configs.load import load_config
from labelmend.data.dataset import ColumnChoice
from labelmend.llm.types import VoterReport
from labelmend.relabel.diagnostics.advice import (
    EmptyLabel,
    MergeAdvice,
    MostlyWrongLabel,
    SplitAdvice,
)
from labelmend.relabel.diagnostics.label_set import Diagnoses
from labelmend.relabel.diagnostics.learnability import Trust
from labelmend.relabel.labelmodel.types import Decisions, NoiseChannel, Posterior
from labelmend.relabel.noise_interval import NoiseInterval
from labelmend.relabel.result import Relabelling, SelfTest
from labelmend.runs.layout import OutputPaths
from labelmend.types import Dataset, Share, UniqueTexts
from labelmend.workflows.demo import Score
from labelmend.workflows.relabel import RelabelOutcome


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "2 KiB"),
        (90_900_000, "87 MiB"),
        (2**30 - 2**20, "1023 MiB"),
        (2**30, "1.0 GiB"),
        (5.75 * 2**30, "5.8 GiB"),
        (3 * 2**40, "3072.0 GiB"),
    ],
)
def test_size_in_words(size, words):
    assert size_in_words(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (3599.6, "1 h 0 min"),
        (7384, "2 h 3 min"),
    ],
)
def test_time_in_words(seconds, words):
    assert time_in_words(seconds) == words


def self_test(runs):
    return SelfTest(
        runs=runs,
        estimated_rate=0.1,
        injected_rate=0.1,
        recovery=Share(90, 100, 0.8256, 0.9448),
        detection=Share(95, 100, 0.8882, 0.9784),
        harm=Share(1, 900, 0.0002, 0.0063),
        expected_broken=2.0,
        budget=0.005,
        factor=1.0,
        broken_at_factor=1,
        withdrawn=0,
        verdict="Self-test: 1 of 900 good labels broken",
        notes=(),
    )


def test_the_self_test(capsys):
    _print_self_test(Console(), self_test(1))
    assert capsys.readouterr().out.splitlines() == [
        "Self-test: 1 of 900 good labels broken",
        "100 errors were drawn into the mended labels (10.0%): 90.0% (82.6% to 94.5%) fixed, "
        "95.0% (88.8% to 97.8%) fixed or found",
    ]
    _print_self_test(Console(), self_test(0))
    assert capsys.readouterr().out.splitlines() == ["Self-test: 1 of 900 good labels broken"]


def test_the_score(capsys):
    # 80 of 100 right before; 16 of the 20 wrong ones fixed, 1 of the 80 right ones broken.
    print_score(Score(rows=100, right_before=80, right_after=95, broken=1, fixed=16))
    assert " ".join(capsys.readouterr().out.split()) == (
        "Label accuracy 80.0% -> 95.0%: 16 of 20 wrong labels fixed, "
        "1 of 80 good labels broken (1.25%)"
    )


def said(**parts):
    nothing = {"merge": (), "split": (), "mostly_wrong": (), "empty": ()}
    return Diagnoses(Trust(True, "", 0.9, 20.0), **{**nothing, **parts})


def test_no_advice():
    assert _advice(said()) == []


def test_advice_of_each_kind():
    found = _advice(
        said(
            merge=(MergeAdvice("a", "b", 40, 0.1, ("one", "two"), ("x" * 61, "four")),),
            split=(
                SplitAdvice("c", (30, 12), 0.05, ("big",), ("small",)),
                SplitAdvice("d", (20, 11), 0.1, (), ()),
            ),
            mostly_wrong=(
                MostlyWrongLabel("e", 50, 0.256, "f"),
                MostlyWrongLabel("g", 9, 0.4, None),
            ),
            empty=(EmptyLabel("h", 0), EmptyLabel("i", 3)),
        )
    )
    assert found == [
        "Consider merging a and b: nothing in their 40 texts tells them apart, "
        f'such as "one" and "{"x" * 60}".',
        'Consider splitting c: its texts fall into 30 and 12, such as "big" and "small".',
        "Consider splitting d: its texts fall into 20 and 11.",
        "e: only 26% of its 50 rows seem right; most others seem to be f.",
        "g: only 40% of its 9 rows seem right.",
        "No row was given h, i.",
    ]


def test_three_lines_of_each_kind_are_enough():
    names = "abcde"
    found = _advice(
        said(
            merge=tuple(MergeAdvice(n, n * 2, 40, 0.1, (), ()) for n in names),
            split=tuple(SplitAdvice(n, (20, 20), 0.1, (), ()) for n in names),
            mostly_wrong=tuple(MostlyWrongLabel(n, 9, 0.4, None) for n in names),
            empty=tuple(EmptyLabel(n, 0) for n in names),
        )
    )
    assert [line.split(":")[0] for line in found] == [
        *(f"Consider merging {n} and {n * 2}" for n in "abc"),
        *(f"Consider splitting {n}" for n in "abc"),
        *"abc",
        "No row was given a, b, c and 2 more.",
    ]


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (VoterReport("m", 0, 0, {}, 0.1), "m: 0 texts"),
        (
            VoterReport("m", 9, 0, {"rude": 2}, 0.1, unasked=1500),
            "m: 9 texts, 2 failed (rude: 2), 1,500 more unasked as the time was up",
        ),
        (VoterReport("m", 1200, 1200, {}, 0.1), "m: 1,200 texts, 1,200 of them remembered"),
        (
            VoterReport("m", 1200, 0, {}, 0.1, answered={"http://a/v1": 1200, "http://b/v1": 0}),
            "m: 1,200 texts; answered by http://a/v1 1,200, http://b/v1 0",
        ),
        (
            VoterReport(
                "m", 9, 1, {"slow": 1, "rude": 2}, 61.0, 61.0, 12_200, 4, 0.75, 0.2, 0.0314
            ),
            "m: 9 texts, 1 of them remembered, 3 failed (rude: 2; slow: 1); "
            "agrees with 75% of 4 texts drawn at random, adds 0.031 nats a text; "
            "12,200 tokens in 1 min 1 s, 200 a second",
        ),
        (
            VoterReport("m", 9, 0, {}, 1.0, 1.0, 0, 4, 0.25, -0.3, 0.0),
            "m: 9 texts; agrees with 25% of 4 texts drawn at random, worse than chance: no weight",
        ),
        (
            VoterReport("m", 9, 0, {}, 1.0, 1.0, 0, 4, 0.25, -0.1, -0.0001),
            "m: 9 texts; agrees with 25% of 4 texts drawn at random, adds 0.000 nats a text",
        ),
        (
            VoterReport("m", 9, 0, {}, 1.0, 1.0, 0, 4, 0.25, None, None),
            "m: 9 texts; agrees with 25% of 4 texts drawn at random",
        ),
    ],
)
def test_a_voter_in_words(report, words):
    assert voter_in_words(report) == words


def outcome(labels=("a", "b")):
    """Two texts, the second given the first label though it seems to have the second."""
    given = np.array([0, 0])
    nothing = np.zeros((2, 2))
    result = Relabelling(
        dataset=Dataset(("1", "2"), ("lost", "pin"), given, labels, None),
        cards=(),
        posterior=Posterior(
            candidates=np.array([[0, 1], [0, 1]]),
            probabilities=np.array([[1.0, 0.0], [0.0, 1.0]]),
            channel=NoiseChannel(0.9, 0.3, 0.0, 0.1, None, None),
            weights={},
            oos_bias=0.0,
            channel_nats=nothing,
            given_share=nothing,
        ),
        decisions=Decisions(
            actions=("keep", "change"),
            mended=np.array([0, 1]),
            proposed=np.array([0, 1]),
            confidence=np.ones(2),
            quality=np.array([1.0, 0.0]),
            review_order=np.empty(0, np.int64),
            expected_harm=0.0,
            expected_good=1.0,
        ),
        unique=UniqueTexts(
            ("lost", "pin"), np.arange(2), csr_array(np.array([[1, 0], [1, 0]], dtype=np.float32))
        ),
        evidence=(),
        neighbours=np.array([[1], [0]]),
        neighbour_scores=np.ones((2, 1), dtype=np.float32),
        routed=np.zeros(2, dtype=bool),
        voters=(),
        seconds={},
    )
    columns = ColumnChoice("text", "label", None)
    return RelabelOutcome(result, load_config(), (), OutputPaths.beside(Path("out.csv")), columns)


def test_the_summary_gives_advice(capsys):
    print_summary(outcome(), verbose=False)
    lines = capsys.readouterr().out.splitlines()
    # Too few texts to be tested, but a label without rows is one all the same.
    assert "No row was given b." in lines
    assert "Estimated noise rate 50.0%; good labels broken, expected: 0.0 of 1" in lines
    assert "labelmend audit" not in "".join(lines)


def test_the_summary_says_what_the_table_leaves_open(capsys):
    known = outcome()
    nothing = np.zeros(2)
    interval = NoiseInterval(0.1, 0.4, 0.5, 0.3, 0.9, np.array([False, True]), nothing, 0.2, 1.0)
    print_summary(replace(known, result=replace(known.result, interval=interval)), verbose=False)
    lines = capsys.readouterr().out.splitlines()
    assert (
        "Between 10.0% and 40.0% of the given labels are wrong, as far as the table itself can "
        "tell; errors that follow a rule can't be excluded. To know it, look at 100 rows: "
        "labelmend audit."
    ) in lines


def test_advice_cannot_steer_the_terminal(capsys, monkeypatch):
    advice = said(
        merge=(MergeAdvice("a\x1b[2J", "[red]b", 40, 0.1, ("one\ntwo",), ("\a\x9b31m",)),),
        empty=(EmptyLabel("c\r", 0),),
    )
    monkeypatch.setattr(summary, "diagnose", lambda *_: advice)
    print_summary(outcome(), verbose=False)
    printed = capsys.readouterr().out
    assert (
        "Consider merging a\\x1b[2J and [red]b: nothing in their 40 texts tells them apart, "
        'such as "one two" and "\\x07\\x9b31m".\n'
    ) in printed
    assert "No row was given c .\n" in printed
    assert all(c.isprintable() or c == "\n" for c in printed)


def test_confused_labels_cannot_steer_the_terminal(capsys):
    print_summary(outcome(("a\x1b[2J", "b\x9b31m")), verbose=False)
    printed = capsys.readouterr().out
    assert "Most confused labels" in printed
    assert all(c.isprintable() or c == "\n" for c in printed)
