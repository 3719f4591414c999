import pytest
import voters
from voters import CANDIDATES, Measured, Timed, questions, report


def test_the_table_has_rates_by_row_and_second():
    channel = Measured("smollm2", "channel", 300, 231, 0, tokens=36_000, seconds=120.0)
    choice = Measured("qwen-0.5b", "choice", 300, 90, 3, tokens=60_000, seconds=600.0)
    assert channel.accuracy == pytest.approx(77.0)
    text = report([(channel, Timed(ratio=3.14, share=0.912)), (choice, None)], "command", 0)
    lines = text.splitlines()
    assert lines[-2] == (
        "| SmolLM2-135M-Instruct Q4_1 | channel | 300 | 77.0 % | 75 % | 120 | 0.40 | 300 "
        "| 3.1 x | 91 % |"
    )
    assert lines[-1] == (
        "| Qwen2.5-Coder-0.5B-Instruct Q4_K_M | choice | 300 | 30.0 % |  | 200 | 2.00 | 100 |  |  |"
    )
    assert len({line.count("|") for line in lines[-4:]}) == 1
    assert "`command`" in text


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.usefixtures("shared_data", "encoders")
def test_questions_are_on_rows_that_no_card_shows():
    asked = questions(20, seed=3)
    assert len(asked) == 20
    for question in asked:
        cards = question.ballot.candidates
        assert len(cards) == len({card.label for card in cards}) == CANDIDATES
        assert all(card.label != voters.OOS for card in cards)
        assert not any(question.ballot.text in card.exemplars for card in cards)
        assert all(len(card.exemplars) == voters.EXEMPLARS for card in cards)
        assert -1 <= question.truth < CANDIDATES
    # Retrieval finds nearly all, and most at once.
    assert sum(question.truth >= 0 for question in asked) >= 19
    assert sum(question.truth == 0 for question in asked) >= 14
