"""The small inputs of ../shared/cases that are formats: read without a flag, but for paths."""

import collections
from pathlib import Path

import pytest
from fixtures.round_trip import written

from labelmend.data.dataset import choose_columns
from labelmend.data.read import read_table
from labelmend.errors import ColumnError

CASES = Path(__file__).parents[4] / "shared" / "cases"
LABELS = {
    *("book_reserve", "card_new", "fine_dispute", "loan_renew", "opening_hours", "room_booking")
}
KINDS = {
    "argilla.parquet": ("argilla-parquet", 15),
    "array.json": ("json", 0),
    "classlabel.parquet": ("parquet", 0),
    "fasttext.txt": ("fasttext", 0),
    "in.csv.gz": ("csv", 0),
    "labelstudio.json": ("label-studio", 0),
    "labelstudio_min.json": ("label-studio-min", 0),
    "prodigy_binary.jsonl": ("prodigy", 48),
    "prodigy_choice.jsonl": ("prodigy", 16),
    "rasa.yml": ("rasa", 0),
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CASES.is_dir(), reason="../shared is not part of the repository"),
]


@pytest.mark.parametrize("name", KINDS)
def test_read_without_a_flag(name):
    table = read_table(CASES / name)
    kind, missing = KINDS[name]
    assert (table.format, len(table)) == (kind, 144)
    chosen = choose_columns(table)
    assert all(text.strip() for text in table.values(chosen.text))
    counts = collections.Counter(table.values(chosen.label))
    assert counts.pop("", 0) == missing
    assert {label.replace(" ", "_") for label in counts} == LABELS
    if not name.endswith((".parquet", ".gz")):
        assert written(table).encode() == (CASES / name).read_bytes()


def test_paths():
    table = read_table(CASES / "nested.jsonl")
    chosen = choose_columns(table, "data.text", "annotation.label")
    assert set(table.values(chosen.label)) == LABELS


def test_no_header():
    with pytest.raises(ColumnError, match="if the file has no header, give --no-header"):
        choose_columns(read_table(CASES / "no_header.csv"))
    table = read_table(CASES / "no_header.csv", header=False)
    assert (len(table), set(table.values("column_2"))) == (144, LABELS)
