import pytest
from jinja2 import UndefinedError

from labelmend.prompts.render import (
    CHOICE,
    DESCRIBE_START,
    LETTERS,
    _template,
    channel_prefix,
    choice_instruction,
    choice_message,
    choice_options,
    describe_prompt,
    one_line,
)
from labelmend.types import LabelCard

LOST = LabelCard("card_lost", "The user lost a bank card.", ("I lost my card", "card gone"), "user")
BARE = LabelCard("top-up/failed", "", (), "name")


def test_channel_with_all_there_is():
    assert channel_prefix(LOST, LOST.exemplars) == (
        "- intent: card_lost\n"
        "  description: The user lost a bank card.\n"
        "  examples: |\n"
        "    - I lost my card\n"
        "    - card gone\n"
        "    -"
    )


def test_channel_of_a_bare_name():
    assert channel_prefix(BARE, ()) == "- intent: top-up/failed\n  examples: |\n    -"


def test_channel_of_a_label_on_two_lines():
    card = LabelCard("card\n lost", "", (), "name")
    assert channel_prefix(card, ()) == "- intent: card lost\n  examples: |\n    -"


def test_choice():
    assert choice_instruction() == (
        "Here is a list of intents. You will be asked which of them a message has."
    )
    assert choice_options([LOST, BARE, LOST], [("I lost\nmy card", "card gone"), (), ("x",)]) == (
        "\n\n"
        "A. card lost: The user lost a bank card. "
        'For example: "I lost my card", "card gone"\n'
        "B. top up failed\n"
        'C. card lost: The user lost a bank card. For example: "x"\n'
    )
    assert choice_message("where \n is\tmy card?") == (
        "\n"
        "Message: where is my card?\n"
        "\n"
        "Which intent does the message have? Answer with one letter only."
    )


def test_describe():
    assert describe_prompt("card lost", ["I lost my card", "card\n\ngone"]) == (
        "Labels of messages, each with what it means.\n"
        "\n"
        "Label: cancel order\n"
        "Messages:\n"
        "- please cancel what i bought yesterday\n"
        "- i ordered by mistake, stop the delivery\n"
        "- don't send it, i changed my mind\n"
        "Meaning: The user wants to cancel an order that has not been delivered yet.\n"
        "\n"
        "Label: opening hours\n"
        "Messages:\n"
        "- when do you close today\n"
        "- are you open on sundays?\n"
        "- what time can i come in\n"
        "Meaning: The user asks at what times a shop or an office is open.\n"
        "\n"
        "Label: card lost\n"
        "Messages:\n"
        "- I lost my card\n"
        "- card gone\n"
        f"Meaning: {DESCRIBE_START}"
    )


def test_markup_is_neither_escaped_nor_run():
    card = LabelCard("a", "<b> & {{ letters }} {% if %}", (), "user")
    assert channel_prefix(card, ["'\"<i>"]) == (
        "- intent: a\n  description: <b> & {{ letters }} {% if %}\n"
        "  examples: |\n    - '\"<i>\n    -"
    )


def test_as_many_options_as_letters():
    options = choice_options([BARE] * 26, [()] * 26)
    assert options.endswith(f"\n{LETTERS[-1]}. top up failed\n")


def test_exemplars_of_each_card_are_needed():
    with pytest.raises(ValueError, match="shorter"):
        choice_options([LOST, BARE], [()])


def test_a_template_that_lacks_a_value_fails():
    with pytest.raises(UndefinedError):
        _template(CHOICE).render(letters=LETTERS)


def test_a_long_exemplar_is_cut_between_words():
    assert one_line("a" * 200) == "a" * 200
    assert one_line("a" * 201) == "a" * 200 + " ..."
    # 33 words of five letters and a space are 198 characters; the 34th would be cut in its middle.
    assert one_line("words " * 50) == " ".join(["words"] * 33) + " ..."
    assert one_line("  a \n b\u2028c\t ") == "a b c"
