"""Files in, files out: labelling from nothing, with the encoders that embed words by themselves."""

import csv
import json

import pytest

from labelmend.configs.load import load_config
from labelmend.data.request import TableRequest
from labelmend.errors import InputError
from labelmend.protocols import NoProgress
from labelmend.workflows.label import label_file, labelling

CONFIG = load_config("embedded")
CARDS = (
    "lost: {description: The card is lost or nowhere to be found.}\n"
    "rate: {description: The exchange rate of a currency.}\n"
)
TEXTS = [
    *("my card is lost", "i lost my card on the bus", "the card is nowhere", "lost it, the card"),
    *(
        "what is the exchange rate",
        "rate of the euro currency",
        "exchange rate please",
        "euro rate",
    ),
]


def rows(path):
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


@pytest.fixture
def cards(tmp_path):
    path = tmp_path / "labels.yaml"
    path.write_text(CARDS, "utf-8")
    return path


def labelled(tmp_path, cards, table, **more):
    source = tmp_path / "texts.csv"
    source.write_text(table, "utf-8")
    output = tmp_path / "out.csv"
    label_file(
        TableRequest(source),
        output,
        CONFIG,
        NoProgress(),
        labels_file=cards,
        use_llm=False,
        **more,
    )
    return rows(output)


def test_texts_without_any_label_get_one_of_the_list(tmp_path, cards):
    found = labelled(tmp_path, cards, "text\n" + "".join(f'"{text}"\n' for text in TEXTS))
    assert [row["mended_label"] for row in found] == ["lost"] * 4 + ["rate"] * 4
    assert {row["decision"] for row in found} <= {"label", "review"}
    record = json.loads((tmp_path / "out.run.json").read_text("utf-8"))
    assert "self-training" in json.dumps(record)
    assert any("the confidence is a guess" in line for line in record["notes"])


def test_rows_that_have_a_label_keep_it(tmp_path, cards):
    lines = [f'"{text}",{"rate" if i == 0 else ""}' for i, text in enumerate(TEXTS)]
    found = labelled(tmp_path, cards, "text,label\n" + "\n".join(lines) + "\n")
    assert found[0]["mended_label"] == "rate"  # it is wrong, and for a person to see
    assert found[0]["decision"] in {"keep", "review"}
    assert all(row["mended_label"] for row in found)


def test_each_label_may_have_one_row(tmp_path, cards):
    cards.write_text(
        "".join(f'l{i}: {{description: "{t}"}}\n' for i, t in enumerate(TEXTS)), "utf-8"
    )
    lines = [f'"{text}",l{i}' for i, text in enumerate(TEXTS)]
    lines += [f'"{text} again and again",' for text in TEXTS * 3]
    found = labelled(tmp_path, cards, "text,label\n" + "\n".join(lines) + "\n")
    assert [row["mended_label"] for row in found[:8]] == [f"l{i}" for i in range(8)]


def test_one_label_is_no_choice(tmp_path, cards):
    cards.write_text("lost: {description: A card is lost.}\n", "utf-8")
    with pytest.raises(InputError, match="has 1 label, and labelling is to choose between two"):
        labelled(tmp_path, cards, "text\nmy card\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.yaml", "texts.csv"]


def test_names_alone_are_told(tmp_path, cards):
    cards.write_text("lost card: {}\nexchange rate: {}\n", "utf-8")
    said = []
    found = labelled(
        tmp_path, cards, "text\n" + "".join(f'"{text}"\n' for text in TEXTS), tell=said.append
    )
    assert any("no label has a description or an exemplar" in line for line in said)
    assert [row["mended_label"] for row in found] == ["lost card"] * 4 + ["exchange rate"] * 4


def test_given_labels_are_never_changed_and_gaps_are_filled():
    decision = labelling(CONFIG).decision
    assert (decision.max_harm, decision.fill_all) == (0.0, True)
