"""Files in, files out, without an LLM."""

import pytest

from labelmend.configs.load import load_config
from labelmend.data.labels_file import read_labels_file
from labelmend.data.request import TableRequest
from labelmend.errors import OutputError
from labelmend.protocols import NoProgress
from labelmend.workflows import describe as workflow
from labelmend.workflows.describe import describe_file

CONFIG = load_config("embedded")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\nlost my card,card\nmy card is lost,card\nhello,hi\nhello you,hi\n")
    return path


def test_the_cards_are_written_and_handed_back(table, encoders):
    assert len(encoders) == len(CONFIG.encoders)
    cards = table.with_name("cards.yaml")
    described = describe_file(TableRequest(table), cards, CONFIG, NoProgress(), use_llm=False)
    assert [card.label for card in described.cards] == ["card", "hi"]
    assert {name: card.exemplars for name, card in read_labels_file(cards).items()} == {
        card.label: card.exemplars for card in described.cards
    }
    assert sorted(described.cards[0].exemplars) == ["lost my card", "my card is lost"]
    # No LLM, no store of its replies.
    assert sorted(path.name for path in table.parent.iterdir()) == ["cards.yaml", "t.csv"]


def test_nothing_is_loaded_for_what_can_not_be_written(table, monkeypatch):
    monkeypatch.setattr(workflow, "locate_models", None)
    with pytest.raises(OutputError, match="is the input itself"):
        describe_file(TableRequest(table), table, CONFIG, NoProgress())
