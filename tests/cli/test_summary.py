import pytest

from labelmend.cli.summary import print_score, size_in_words, time_in_words
from labelmend.relabel.demo import Score


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


def test_the_score(capsys):
    # 80 of 100 right before; 16 of the 20 wrong ones fixed, 1 of the 80 right ones broken.
    print_score(Score(rows=100, right_before=80, right_after=95, broken=1, fixed=16))
    assert " ".join(capsys.readouterr().out.split()) == (
        "Label accuracy 80.0% -> 95.0%: 16 of 20 wrong labels fixed, "
        "1 of 80 good labels broken (1.25%)"
    )
