import pytest
from rich.console import Console

from labelmend.cli.summary import (
    _print_self_test,
    print_score,
    size_in_words,
    time_in_words,
)
from labelmend.relabel.demo import Score
from labelmend.types import SelfTest, Share


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
