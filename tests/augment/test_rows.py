from labelmend.augment.plan import Draft
from labelmend.augment.result import Accepted
from labelmend.augment.rows import new_rows
from labelmend.data.dataset import choose_columns
from labelmend.data.descendants import free_columns
from labelmend.data.read import read_table

NEW = [
    Accepted(Draft(0, "gone card", "rewording", (1,)), 0.91234567),
    Accepted(Draft(2, "what a day", "card", ()), 0.5),
    Accepted(Draft(0, "card away", "card", (0, 1)), 0.25),
]
LABELS = ("card", "pin", "talk")


def rows_of(path, text, *, tested=None, confidence=None):
    path.write_text(text)
    table = read_table(path)
    columns = choose_columns(table)
    ids = table.values(columns.id) if columns.id else [str(i + 1) for i in range(len(table))]
    names = free_columns(table.columns)
    return new_rows(table, columns, names, LABELS, NEW, {0: 0, 1: 2}, ids, tested, confidence)


def test_new_rows_say_where_they_come_from(tmp_path):
    found = rows_of(tmp_path / "t.csv", "n,text,label\n,a,card\n,b,pin\n,c,card\n")
    assert found.rows == (
        ("", "gone card", "card"),
        ("", "what a day", "talk"),
        ("", "card away", "card"),
    )
    source, parent = found.columns
    assert (source.name, parent.name) == ("source", "parent")
    assert source.values == ("row", "row", "row", "rewording", "card", "card")
    assert parent.values == (None, None, None, "3", None, '["1", "3"]')


def test_ids_go_on_and_confidence_is_the_judges(tmp_path):
    found = rows_of(
        tmp_path / "t.csv",
        "id,text,label,confidence,source\n7,a,card,1,x\n9,b,pin,1,x\n8,c,card,1,x\n",
        tested=[False, True, False],
        confidence="confidence",
    )
    assert [row[0] for row in found.rows] == ["10", "11", "12"]
    assert [row[3] for row in found.rows] == ["0.912346", "0.5", "0.25"]
    # The user has a column called source.
    assert [c.name for c in found.columns] == ["augment_source", "augment_parent", "augment_split"]
    assert found.columns[1].values[3:] == ("8", None, '["7", "8"]')
    assert found.columns[2].values == ("train", "test", "train", "train", "train", "train")


def test_ids_that_are_names(tmp_path):
    found = rows_of(tmp_path / "t.csv", "id,text,label\nT1,a,card\nnew-1,b,pin\nT3,c,card\n")
    assert [row[0] for row in found.rows] == ["new-2", "new-3", "new-4"]


def test_labels_that_stand_in_lists(tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [
        f'{{"text": "{t}", "label": ["{k}"]}}\n'
        for t, k in zip("abc", ("card", "pin", "card"), strict=True)
    ]
    found = rows_of(path, "".join(lines))
    assert [row[1] for row in found.rows] == ['["card"]', '["talk"]', '["card"]']
