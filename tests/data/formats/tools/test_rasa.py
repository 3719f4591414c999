"""Rasa's NLU data, by https://rasa.com/docs/rasa/training-data-format."""

import json
from dataclasses import replace

import pytest
import yaml
from fixtures.round_trip import table_of, written

from labelmend.data.formats.tools import rasa
from labelmend.data.formats.tools.rasa import RASA
from labelmend.data.read import read_table
from labelmend.data.table import NewColumn
from labelmend.errors import InputError, OutputError

NLU = """\
# Of the garden centre.
version: "3.1"

nlu:
- intent: plant_health   # sick ones
  examples: |
    - my [roses](plant) have spots
    - is the [lemon tree]{"entity": "plant", "role": "pot"} ill?

- synonym: rose
  examples: |
    - roses
- intent: faq/hours
  examples:
    - text: |
        open on sunday: yes?
      metadata:
        from: mail
        age: 3
    - "till when, today"
# The end.
responses:
  utter_hello:
  - text: "Hi"
"""
TEXTS = [
    *("my roses have spots", "is the lemon tree ill?"),
    *("open on sunday: yes?", "till when, today"),
]


def test_examples_are_rows():
    table = table_of(NLU, "nlu.yml")
    assert (table.format, table.columns) == ("rasa", ("text", "label", "from", "age"))
    assert table.values("text") == TEXTS
    assert table.values("label") == ["plant_health"] * 2 + ["faq/hours"] * 2
    assert (table.values("from"), table.values("age")) == (["", "", "mail", ""], ["", "", "3", ""])
    assert (table.text_column, table.label_column) == ("text", "label")
    assert [RASA.line_of(table, row) for row in (1, 2, 3, 4, 5)] == [7, 8, 15, 20, None]
    assert written(table) == NLU


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ours_are_metadata_and_the_rest_stays(tmp_path, end):
    path = tmp_path / "nlu.yaml"
    path.write_bytes(NLU.replace("\n", end).encode())
    table = read_table(path)
    labels = ("plant_health", 'x: \u2028 "y"', None, "faq/hours")
    columns = (
        NewColumn("mended_label", labels, "label"),
        NewColumn("confidence", (0.5, 1.0, 0.25, 1)),
    )
    text = RASA.write(table, columns).decode()
    assert (
        text.replace(end, "\n")
        == """\
# Of the garden centre.
version: "3.1"

nlu:
- intent: plant_health   # sick ones
  examples:
  - text: "my [roses](plant) have spots"
    metadata: {"mended_label": "plant_health", "confidence": 0.5}
  - text: "is the [lemon tree]{\\"entity\\": \\"plant\\", \\"role\\": \\"pot\\"} ill?"
    metadata: {"mended_label": "x: \\u2028 \\"y\\"", "confidence": 1.0}

- synonym: rose
  examples: |
    - roses
- intent: faq/hours
  examples:
  - text: "open on sunday: yes?"
    metadata: {"from": "mail", "age": 3, "mended_label": null, "confidence": 0.25}
  - text: "till when, today"
    metadata: {"mended_label": "faq/hours", "confidence": 1}
# The end.
responses:
  utter_hello:
  - text: "Hi"
"""
    )
    # Rasa's own reader takes a list of examples with text and metadata.
    examples = yaml.safe_load(text)["nlu"][0]["examples"]
    assert examples[1]["text"] == 'is the [lemon tree]{"entity": "plant", "role": "pot"} ill?'
    assert examples[1]["metadata"]["mended_label"] == labels[1]
    path.write_text(text, newline="")
    again = read_table(path)
    assert again.values("text") == TEXTS
    assert again.values("mended_label") == ["" if label is None else label for label in labels]
    assert again.values("age") == table.values("age")


def test_another_format_becomes_intents():
    csv = 'q,intent,source\na,on,mail\n"b\nc",x y,\nd,on,web\n'
    table = replace(table_of(csv, "a.csv"), text_column="q", label_column="intent")
    text = RASA.write(table, [NewColumn("mended_label", ("on", "x y", "x y"), "intent")]).decode()
    assert [item["intent"] for item in yaml.safe_load(text)["nlu"]] == ["on", "x y"]
    again = table_of(text, "a.yml")
    assert again.rows() == [
        ["a", "on", "mail", "on"],
        ["d", "on", "web", "x y"],
        ["b c", "x y", "", "x y"],
    ]
    with pytest.raises(OutputError, match="which columns they are is not known here"):
        RASA.write(table_of(csv, "a.csv"), ())
    blank = replace(
        table_of("q,intent\na,\nb,x\n", "a.csv"), text_column="q", label_column="intent"
    )
    with pytest.raises(OutputError, match=r"^a\.csv: 1 rows have no label, and Rasa's files"):
        RASA.write(blank, ())


BOMB = "a: &a [x,x]\nb: &b [*a,*a]\nnlu: [*b]\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "nlu:\n- intent: a\n  examples: |\n    none\n",
            "has no intents with examples; give Rasa's",
        ),
        ("labels:\n  a: b\n", "has no intents with examples; give Rasa's"),
        ("just words", "has no intents with examples; give Rasa's"),
        ("nlu: [", "line 1: not valid YAML (did not find expected node content); mend it"),
        ("a: \x07", "line 1: not valid YAML ("),
        (BOMB, "line 2: an alias, which is not read; give Rasa's"),
        ("nlu: " + "[" * 100_000, "line 1: too many parts, or nested too deeply; give Rasa's"),
        ("a: 1\n---\nb: 2\n", "holds 2 documents; give Rasa's"),
        ("nlu:\n- intent: [a]\n  examples: |\n    - x\n", "has no intents with examples"),
        ("nlu:\n- intent: a\n  examples:\n  - metadata: {a: b}\n", "has no intents with examples"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(text, problem):
    with pytest.raises(InputError) as caught:
        table_of(text, "a.yml")
    assert "\n" not in str(caught.value)
    said = str(caught.value).removeprefix("a.yml: ")
    assert said.startswith(problem) or (":" in problem and "not valid YAML" in said)


def test_parts_without_end(monkeypatch):
    monkeypatch.setattr(rasa, "_MOST_EVENTS", 10)
    with pytest.raises(InputError, match="too many parts"):
        table_of(NLU, "a.yml")


def test_known_by_its_content():
    assert table_of(NLU, "nlu.data").format == "rasa"
    found = json.dumps({"nlu": [{"intent": "a", "examples": ["x", "y"]}]})
    assert table_of(found, "a.yml").rows() == [["x", "a"], ["y", "a"]]
