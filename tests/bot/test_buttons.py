import pytest

from labelmend.bot.buttons import Pressed, first_buttons, label_buttons, next_labels
from labelmend.journal.entries import Guess

REQUEST = "5f3b0c2e9d8a4c6f8e1b7a2d3c4f5a6b"


def guess(*top):
    return Guess("m", top[0][0], top[0][1], False, top)


def texts(markup):
    return [[button.text for button in row] for row in markup.inline_keyboard]


@pytest.mark.parametrize("action", ["right", "wrong", "label", "oos", "unknown"])
def test_what_a_button_carries_comes_back_and_fits(action):
    pressed = Pressed(action, f"{REQUEST}.999", 5)
    assert Pressed.read(pressed.data()) == pressed
    assert len(pressed.data().encode()) <= 64  # as much as Telegram keeps


@pytest.mark.parametrize(
    "data", [None, "", "r", "r::0", "r:a b:0", "x:a:0", "r:a:1000", "r:a:-1", "r:a:0\n", "r:a:٣"]
)
def test_what_is_none_of_ours(data):
    assert Pressed.read(data) is None


def test_the_next_labels_are_those_of_both_models_without_what_they_said():
    one, other = (
        guess(("a", 0.6), ("b", 0.3), ("c", 0.1)),
        guess(("d", 0.5), ("c", 0.25), ("b", 0.1)),
    )
    # b has 0.3 + 0.1, and c 0.1 + 0.25
    assert next_labels([one, other]) == ("b", "c")
    assert next_labels([one]) == ("b", "c")
    tied = guess(("x", 0.6), ("z", 0.2), ("y", 0.2))
    assert next_labels([tied]) == ("y", "z")
    many = guess(*((f"l{i}", 0.1) for i in range(10)))
    assert len(next_labels([many])) == 6


def test_one_answer_or_two_that_agree():
    for labels in (["a"], ["a", "a"]):
        assert texts(first_buttons(REQUEST, labels)) == [
            ["\N{WHITE HEAVY CHECK MARK} right", "\N{CROSS MARK} wrong"]
        ]


def test_two_answers_that_differ():
    markup = first_buttons(REQUEST, ["a", "b"])
    assert [row[0].text[2:] for row in markup.inline_keyboard] == ["a", "b", "both are wrong"]
    read = [Pressed.read(row[0].callback_data) for row in markup.inline_keyboard]
    assert read == [
        Pressed("right", REQUEST, 0),
        Pressed("right", REQUEST, 1),
        Pressed("wrong", REQUEST),
    ]


def test_the_labels_to_choose_from():
    one = guess(("a", 0.6), ("oos", 0.3), ("c", 0.1))
    markup = label_buttons(REQUEST, [one], "oos")
    assert texts(markup) == [["c"], ["fits no label"], ["I don't know"]]
    # Its number is its place among all next labels, of which the first has a button of its own.
    assert Pressed.read(markup.inline_keyboard[0][0].callback_data) == Pressed("label", REQUEST, 1)
    said = guess(("oos", 0.6), ("b", 0.3))
    assert texts(label_buttons(REQUEST, [said], "oos")) == [["b"], ["I don't know"]]
    assert texts(label_buttons(REQUEST, [said], None)) == [["b"], ["I don't know"]]


def test_a_long_label_is_cut():
    (row, *_) = texts(label_buttons(REQUEST, [guess(("a", 0.6), ("b" * 100, 0.3))], None))
    assert len(row[0]) == 40
    assert row[0].endswith("b\N{HORIZONTAL ELLIPSIS}")
